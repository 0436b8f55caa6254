"""Tasks of `scheduling.py`, in a module of their own: worker processes import a task by its module's name."""

import time

from benchbed.runner.task import run_task


def timed_batch(encoded: bytes) -> tuple[bytes, float]:
    """Run the batch of a task and return its part and the seconds that it took in this process."""
    start = time.perf_counter()
    part = run_task(encoded)
    return part, time.perf_counter() - start


def nothing(encoded: bytes) -> None:
    """Return at once."""
