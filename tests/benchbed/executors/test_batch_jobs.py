"""Batch jobs: tasks become arrays of jobs, and futures end with them. The jobs are processes on this machine."""

from concurrent.futures import BrokenExecutor

import pytest

pytestmark = pytest.mark.slow
batch_jobs = pytest.importorskip("benchbed.executors.batch_jobs", reason="needs submitit")


@pytest.fixture(autouse=True)
def eager_looks(monkeypatch):
    """Look at the jobs all the time."""
    monkeypatch.setattr(batch_jobs, "POLL_SECONDS", 0.01)


@pytest.fixture
def executor(tmp_path):
    return batch_jobs.BatchJobExecutor(2, str(tmp_path / "jobs"), "local", {"timeout_min": 1})


def test_a_future_has_the_result_of_its_job(executor):
    """Each task is one job of an array."""
    futures = [executor.submit(divmod, number, 2) for number in (7, 8)]
    executor.shutdown()
    assert [future.result() for future in futures] == [(3, 1), (4, 0)]
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit(divmod, 1, 1)


def test_a_job_that_fails_raises_in_its_future(executor):
    """submitit's error contains the traceback of the job."""
    future = executor.submit(divmod, 1, 0)
    executor.shutdown()
    assert "ZeroDivisionError" in repr(future.exception())


def test_jobs_that_cannot_be_watched_break_the_executor(executor, monkeypatch):
    """Their tasks would otherwise never end."""

    def fail():
        raise OSError("the queue does not answer")

    monkeypatch.setattr(executor, "_submit_array", fail)
    future = executor.submit(divmod, 7, 2)
    with pytest.raises(BrokenExecutor, match="the queue does not answer"):
        future.result(60)
