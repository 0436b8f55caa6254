"""Workers of one process, and tasks for them."""

import importlib
from pathlib import Path

import pytest

from benchbed.executors import processes
from benchbed.runner.workers import Workers


@pytest.fixture(scope="session")
def tasks():
    """The module with the tasks, importable in this process and in worker processes, which inherit `sys.path`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        yield importlib.import_module("worker_tasks")


@pytest.fixture(scope="session")
def workers(tasks):
    """Workers with one process at a time."""
    with Workers(processes(1)) as workers:
        yield workers


@pytest.fixture(scope="session")
def memory_tasks(tasks):
    """The module with the tasks that need memory."""
    return importlib.import_module("memory_tasks")
