"""Descriptions of failures of third-party code in its child process."""

import re
import sysconfig
from pathlib import Path

from benchbed.catalog.names import one_line
from benchbed.interfaces import TrialStatus
from benchbed.runner.workers import WorkerFailure

_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


def describe_failure(failure: WorkerFailure, action: str, timeout: float) -> str:
    """Describe in one line how an action of third-party code failed in its child process."""
    if failure.kind is TrialStatus.TIMED_OUT:
        return f"{action} took longer than the time limit of {timeout:g} s{_location(failure.log)}"
    if failure.kind is TrialStatus.CRASHED:
        return f"{action} did not return: {one_line(failure.message)}"
    return f"{action} raised {one_line(failure.message)}"


def _location(stack: str) -> str:
    """Return the innermost third-party line of a stack that faulthandler wrote: ` (mine.py:12)`."""
    libraries = ("<", sysconfig.get_path("stdlib"), str(Path(__file__).parents[1]))
    for file, line in _FRAME.findall(stack):
        if not file.startswith(libraries):
            return f" ({Path(file).name}:{line})"
    return ""
