"""The type of an executor: a function from the number of jobs to a `concurrent.futures.Executor`."""

from collections.abc import Callable
from concurrent.futures import Executor

ExecutorFactory = Callable[[int], Executor]
"""Number of jobs -> an executor that runs as many tasks at a time.

Each task of an executor waits for a child process that runs one batch. An executor with the attribute
`in_process = True` has no child processes: its tasks run the batches themselves.
"""
