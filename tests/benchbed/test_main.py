"""The program ends at once, and yet with everything said and done."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ENDING = """
import atexit, sys
from benchbed import __main__ as program
class Clinging:
    def __del__(self): print("Python tidied up")
clinging = Clinging()
def main():
    atexit.register(print, "told of the end")
    sys.stdout.write("said without a line's end; ")
    return 7
program.main = main
"""


def end(program, **streams):
    return subprocess.run(
        [sys.executable, "-P", "-c", ENDING + program],
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        **({"stdout": subprocess.PIPE} | streams),
    )


def test_it_ends_with_its_code_once_all_is_written_and_all_who_asked_are_told():
    """But nothing is taken to pieces."""
    ended = end("program.program()")
    assert (ended.returncode, ended.stdout) == (7, "said without a line's end; told of the end\n")
    assert ended.stderr == ""


@pytest.mark.parametrize("watch", ["sys.settrace", "sys.setprofile"])
def test_who_watches_may_have_something_to_save(watch):
    """Then Python ends as it always does."""
    ended = end(f"{watch}(getattr); program.program()")
    assert ended.returncode == 7
    assert ended.stdout.endswith("told of the end\nPython tidied up\n")


def test_an_error_ends_as_errors_do():
    """With a traceback and 1."""
    ended = end("program.main = lambda: 1 / 0; program.program()")
    assert ended.returncode == 1
    assert "ZeroDivisionError" in ended.stderr
    assert ended.stdout == "Python tidied up\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
def test_what_cannot_be_written_is_not_passed_over():
    """Python's own code for a stream that it could not empty."""
    with Path("/dev/full").open("w") as full:
        ended = end("program.program()", stdout=full)
    assert ended.returncode == 120
    assert "No space left on device" in ended.stderr
