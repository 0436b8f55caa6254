"""Executors by name, address or import path, and their mistakes."""

import sys
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.errors import UsageError
from benchbed.runner.remote_workers import RemoteWorkers
from benchbed.runner.workers import Workers
from benchbed.study.execution import local_workers, start_workers


class NamedWorkers(Executor):
    """An executor that keeps its arguments."""

    def __init__(self, max_workers=1, label=""):
        self.max_workers, self.label = max_workers, label

    def shutdown(self, wait=True):
        """Do nothing; not every executor has the parameter cancel_futures."""


def not_an_executor():
    return 3


def not_reachable():
    raise ConnectionRefusedError("nobody listens")


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let this module be named by an executor, as an installed one may be."""
    monkeypatch.setitem(sys.modules, "named_executors", sys.modules[__name__])


@pytest.fixture(scope="module")
def catalog():
    return load_catalog([])


def test_a_function_by_its_import_path_receives_jobs_and_arguments(catalog):
    """The parameter max_workers receives the number of jobs."""
    workers = start_workers(catalog, "named_executors:NamedWorkers[label=mine]", 3)
    assert isinstance(workers, RemoteWorkers)
    assert (workers._executor.max_workers, workers._executor.label) == (3, "mine")
    workers.kill()


def test_an_argument_has_precedence_over_the_number_of_jobs(catalog):
    """Somebody who writes max_workers means it."""
    workers = start_workers(catalog, "named_executors:NamedWorkers[max_workers=2]", 3)
    assert workers._executor.max_workers == 2
    workers.kill()


def test_threads_of_this_process_need_no_groups(catalog):
    """Their tasks start children themselves."""
    with start_workers(catalog, "concurrent.futures:ThreadPoolExecutor", 1) as workers:
        assert type(workers) is Workers
        assert isinstance(workers._executor, ThreadPoolExecutor)


def test_tasks_that_read_the_study_folder_run_here(catalog):
    """Another machine may not have it."""
    with start_workers(catalog, "serial", 1) as workers, local_workers(workers, 1) as drawing:
        assert drawing is workers
    remote = "named_executors:NamedWorkers"
    with start_workers(catalog, remote, 1) as workers, local_workers(workers, 1) as drawing:
        assert type(drawing) is Workers


@pytest.mark.parametrize(
    ("executor", "message"),
    [
        ("serail", "unknown executor 'serail'; did you mean 'serial'?"),
        ("no_such_package:pool", "needs no_such_package: install it here and on all workers"),
        ("named_executors:pool", "has no attribute 'pool'"),
        ("named_executors:not_an_executor", "names a function that returns 3"),
        ("named_executors:not_reachable", "nobody listens; start its scheduler, or correct the address"),
        ("serial[labl=x]", "unexpected keyword argument 'labl'"),
        ("processes[jobs=3]", "multiple values for argument 'jobs'"),
        ("named_executors:NamedWorkers[labl=x]", "unexpected keyword argument 'labl'"),
        ("named_executors:NamedWorkers[label=", "the closing bracket ] is missing"),
    ],
)
def test_a_mistake_is_named(executor, message, catalog):
    """One sentence, before any trial."""
    with pytest.raises(UsageError) as raised:
        start_workers(catalog, executor, 1)
    assert message in str(raised.value)


def test_a_missing_extra_is_named(catalog, monkeypatch):
    """The command that installs it, too."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "benchbed.executors.dask_cluster", raising=False)
    with pytest.raises(
        UsageError, match=r"'dask' needs distributed: python -m pip install 'benchbed\[dask\]'"
    ):
        start_workers(catalog, "dask", 1)
