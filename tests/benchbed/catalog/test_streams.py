"""Redirection of standard output."""

import os
import subprocess
import sys

from benchbed.catalog.streams import stdout_to_stderr


def test_all_ways_to_print_reach_stderr(capfd):
    """Python, the descriptor and a child process alike; afterwards stdout is itself again."""
    with stdout_to_stderr():
        sys.stdout.write("python\n")
        os.write(1, b"descriptor\n")
        subprocess.run(["echo", "child"], check=True)
    sys.stdout.write("own\n")
    output, errors = capfd.readouterr()
    assert (output, errors) == ("own\n", "python\ndescriptor\nchild\n")
