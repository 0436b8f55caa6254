"""How the batches of a study are run: the engine that computes steps, and the executor that starts tasks."""

from collections.abc import Callable
from concurrent.futures import Executor
from enum import StrEnum

ExecutorFactory = Callable[[int], Executor]
"""Number of jobs -> an executor that runs as many tasks at a time.

A task of a `ThreadPoolExecutor` waits for a child process that runs one batch. A task of any other executor is a group
of batches, which a subprocess of its worker runs in children. An executor with the attribute `in_process = True` has
no child processes: its tasks run the batches themselves. An attribute `jobs` is the number of groups that it runs at a
time, if it knows better than the caller. Keyword parameters are those of `--executor "name[key=value]"`.
"""


class Engine(StrEnum):
    """Engine that computes steps; the value is the text of `--engine` and of stored rows."""

    AUTO = "auto"
    """Choose the faster one from the planned work; only requested, never the engine that ran."""
    EAGER = "eager"
    """torch operations, one after the other."""
    COMPILED = "compiled"
    """A compiled step."""
