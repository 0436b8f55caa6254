"""Descriptions of failures of code in its child process."""

import re
import sysconfig
from pathlib import Path

from benchbed.catalog.names import one_line
from benchbed.formatting import exception_line, format_bytes
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


def describe_lost_trials(
    failure: WorkerFailure,
    trial_count: int,
    log: str,
    attempts: int,
    *,
    timeout: float | None,
    memory: int | None,
) -> str:
    """Describe in one sentence why a batch of some trials has no measurements.

    Args:
        failure: The failure of its last attempt.
        trial_count: Number of trials of the batch.
        log: Path of the log, for the reader.
        attempts: Attempts after which a batch that crashed is lost.
        timeout: Time limit in seconds.
        memory: Memory limit in bytes.
    """
    kind = failure.kind
    trials = "the trial" if trial_count == 1 else f"a batch of {trial_count} trials"
    if kind is TrialStatus.TIMED_OUT:
        return f"{trials} took longer than the time limit of {timeout:g} s; see {log}"
    if kind is TrialStatus.CRASHED and failure.has_raised:
        return (
            f"the device failed in {attempts} attempts of {trials}: {exception_line(failure.log)}; see {log}"
        )
    if kind is TrialStatus.CRASHED:
        return (
            f"the process of {trials} died in {attempts} attempts: {failure.message}; its output is in {log}"
        )
    if failure.peak_bytes is not None:
        size, limit = format_bytes(failure.peak_bytes), format_bytes(memory or 0)
        return f"{trials} needed {size}, more than the limit of {limit}; see {log}"
    if kind is TrialStatus.OUT_OF_MEMORY:
        return f"{trials} could not allocate memory: {exception_line(failure.log)}; see {log}"
    return f"the result could not be returned: {failure.log.strip()}"


def _location(stack: str) -> str:
    """Return the innermost third-party line of a stack that faulthandler wrote: ` (mine.py:12)`."""
    libraries = ("<", sysconfig.get_path("stdlib"), str(Path(__file__).parents[1]))
    for file, line in _FRAME.findall(stack):
        if not file.startswith(libraries):
            return f" ({Path(file).name}:{line})"
    return ""
