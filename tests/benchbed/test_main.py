"""The program exits with the code of its command and loses no output."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from benchbed import __main__ as program
def main():
    sys.stdout.write("a line without its end")
    return 7
program.main = main
"""


def run_program(code, **streams):
    return subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM + code],
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        **({"stdout": subprocess.PIPE} | streams),
    )


def test_it_exits_with_the_code_of_its_command():
    """Buffered output is flushed first."""
    process = run_program("program.program()")
    assert (process.returncode, process.stdout, process.stderr) == (7, "a line without its end", "")


def test_an_exception_ends_it_with_a_traceback():
    """An exception that the command does not handle is a bug."""
    process = run_program("program.main = lambda: 1 / 0; program.program()")
    assert process.returncode == 1
    assert "ZeroDivisionError" in process.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_an_error():
    """Python exits with its own code for a stream that cannot be flushed."""
    with Path("/dev/full").open("w") as full:
        process = run_program("program.program()", stdout=full)
    assert process.returncode == 120
    assert "No space left on device" in process.stderr
