"""Where the time of a study goes: the batches in their processes, and the time of cores without a batch."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from scheduling_tasks import timed_batch

from benchbed.catalog.loading import load_catalog
from benchbed.plan import Request, complete_request, make_plan
from benchbed.runner.task import run_task
from benchbed.runner.workers import Work, WorkerFailure, Workers, run_isolated
from benchbed.store import StudyFolder
from benchbed.study.reporting import write_reports
from benchbed.study.resources import Resources, allocate
from benchbed.study.running import complete


class TimedRun(NamedTuple):
    """The run of a batch, in seconds of one clock."""

    start: float
    """When a thread of the driver took the batch."""
    end: float
    """When the thread had its result."""
    child_seconds: float
    """Time in the child, from the task to the part."""


class TimedWorkers(Workers):
    """Workers on this machine that record when each batch ran."""

    def __init__(self, jobs: int) -> None:
        super().__init__(ThreadPoolExecutor(jobs))
        self.runs: list[TimedRun] = []
        self._run = self._timed
        self._adding = threading.Lock()

    def _timed(self, work: Work, task: bytes, timeout: float | None = None, owner: str | None = None) -> Any:
        if work is not run_task:
            return run_isolated(work, task, timeout, owner)
        start = time.perf_counter()
        result = run_isolated(timed_batch, task, timeout, owner)
        if isinstance(result, WorkerFailure):
            return result
        part, seconds = result
        with self._adding:
            self.runs.append(TimedRun(start, time.perf_counter(), seconds))
        return part


class TimedFolder(StudyFolder):
    """A study folder that adds up the time of storing parts."""

    storage_seconds = 0.0

    def add_part(self, name: str, content: bytes) -> None:
        """Store a part."""
        start = time.perf_counter()
        super().add_part(name, content)
        self.storage_seconds += time.perf_counter() - start


class Shares(NamedTuple):
    """Where the time of a study goes."""

    jobs: int
    planning: float
    """Seconds of loading plugins and planning."""
    running: float
    """Seconds from the first batch to the last result."""
    reports: float
    """Seconds of tables, plots and the page."""
    batches: float
    """Seconds of all batches in their processes."""
    steps: float
    """Seconds of the steps of all trials, which are a part of these."""
    transfer: float
    """Seconds of starting processes, and of sending tasks and results."""
    storage: float
    """Seconds in which the driver stored parts, while other batches ran."""

    @property
    def idle(self) -> float:
        """Seconds of cores without a batch: the driver was slower, or a pairing waited for its tuning trials."""
        return self.jobs * self.running - self.batches - self.transfer

    @property
    def scheduling(self) -> float:
        """Share of the cores' time, between the first batch and the last result, in which no batch ran.

        A batch with several threads counts as one core, so that few batches on many cores seem to leave cores idle.
        """
        return 1.0 - self.batches / (self.jobs * self.running)


def shares_of_study(suite: str, preset: str, jobs: int, output: Path) -> Shares:
    """Run a study into a new folder and return where its time went."""
    start = time.perf_counter()
    catalog = load_catalog([], dict(os.environ))
    request = complete_request(catalog, Request(preset=preset, device="cpu"), Path(suite))
    plan = make_plan(catalog, request)
    planning = time.perf_counter() - start
    resources = Resources(jobs)
    workers = TimedWorkers(jobs)
    with workers, TimedFolder(output) as folder:
        study = complete(plan, catalog, folder, (), workers, resources, allocate(plan, resources))
        if study.lost:
            raise RuntimeError(f"{study.lost} trials have no result, so the shares mean nothing")
        start = time.perf_counter()
        write_reports(study, folder, catalog, (), workers)
        reports = time.perf_counter() - start
    return shares_of_runs(
        workers.runs,
        jobs,
        planning,
        reports,
        float(study.trials["wall_seconds"].sum()),
        folder.storage_seconds,
    )


def shares_of_runs(
    runs: Sequence[TimedRun], jobs: int, planning: float, reports: float, steps: float, storage: float
) -> Shares:
    """Return the shares of a study from the runs of its batches."""
    batches = sum(run.child_seconds for run in runs)
    return Shares(
        jobs,
        planning,
        running=max(run.end for run in runs) - min(run.start for run in runs),
        reports=reports,
        batches=batches,
        steps=steps,
        transfer=sum(run.end - run.start for run in runs) - batches,
        storage=storage,
    )


def lines_of_shares(shares: Shares) -> Iterator[str]:
    """Yield the shares of a study as lines of a table."""
    total = shares.jobs * shares.running
    yield f"from the first batch to the last result: {shares.running:.2f} s on {shares.jobs} cores"
    rows = {
        "batches in their processes": shares.batches,
        "  of these, steps": shares.steps,
        "start of processes, transfer of tasks and results": shares.transfer,
        "cores without a batch": shares.idle,
    }
    yield f"{'':<52}{'core s':>9}{'share':>9}"
    for label, seconds in rows.items():
        yield f"{label:<52}{seconds:>9.2f}{seconds / total:>9.1%}"
    yield f"scheduling: {shares.scheduling:.1%} of the time of the cores"
    yield (
        f"apart from these: planning {shares.planning:.2f} s, reports {shares.reports:.2f} s; the driver stored parts "
        f"for {shares.storage:.2f} s while batches ran"
    )
