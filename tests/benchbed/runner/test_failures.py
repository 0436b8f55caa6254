"""Failures of third-party code are described in one line."""

import pytest

from benchbed.interfaces import TrialStatus
from benchbed.runner.failures import describe_failure
from benchbed.runner.workers import WorkerFailure

STACK = f"""Timeout (0:00:02)!
Thread 0x00007f (most recent call first):
  File "{pytest.__file__}", line 12 in loop
  File "/somewhere/mine.py", line 7 in make_start
the process exited with code 1
"""


@pytest.mark.parametrize(
    ("kind", "log", "line"),
    [
        (
            TrialStatus.CRASHED,
            "noise\nthe process exited with code 0\n",
            "did not return: the process exited with code 0",
        ),
        (TrialStatus.TIMED_OUT, "the process exited with code 1", "took longer than the time limit of 2 s"),
        (TrialStatus.FAILED, "Traceback\nValueError: too\x1b small\n", "raised ValueError: too\\x1b small"),
        (TrialStatus.FAILED, "", "raised no error message"),
    ],
)
def test_a_failure_has_its_reason(kind, log, line):
    """The end of a process that took too long is not the reason."""
    assert describe_failure(WorkerFailure(kind, log), "loading it", 2) == f"loading it {line}"


def test_a_hang_is_located():
    """At its innermost line outside the standard library and benchbed."""
    line = describe_failure(
        WorkerFailure(TrialStatus.TIMED_OUT, STACK.replace(pytest.__file__, "<string>")), "it", 2
    )
    assert line == "it took longer than the time limit of 2 s (mine.py:7)"
