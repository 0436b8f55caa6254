"""Submission of a plan's missing batches to workers; the only writer of the study folder."""

from collections import Counter
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, NamedTuple, cast

import msgspec
import pyarrow as pa

from benchbed.catalog.lookup import Catalog
from benchbed.formatting import plural
from benchbed.interfaces import TrialStatus
from benchbed.plan import BatchPlan, Plan
from benchbed.runner.bisection import Search
from benchbed.runner.failures import describe_lost_trials
from benchbed.runner.progress import Progress
from benchbed.runner.rows import ExecutionDetails, rows_from_worker, rows_without_measurements, warnings_of
from benchbed.runner.task import Task, run_task
from benchbed.runner.third_party import third_party_plugins
from benchbed.runner.threads import BatchThreads, threads_by_problem
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.store import StudyFolder, to_bytes
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import Outcome, outcomes_of
from benchbed.tuning.scheduling import missing_batches

ATTEMPTS = 2
"""Times that a batch may crash before its trials are stored as crashed."""


class RunOptions(NamedTuple):
    """Options of running batches that do not affect results."""

    jobs: int
    """Batches that run at a time."""
    timeout: float | None
    """Seconds for each batch."""
    plugin_files: tuple[str, ...]
    catalog: Catalog
    memory: int | None = None
    """Bytes of the process of a batch; None for no limit."""
    cores: int | None = None
    """Cores that the batches share; None for one each."""


class _Submission(NamedTuple):
    pairing_index: int
    batch: BatchPlan
    attempt: int = 1
    search: Search | None = None
    """The search that the batch is a part of; None if it is as planned."""

    @property
    def planned(self) -> BatchPlan:
        """The planned batch that this one is a part of."""
        return self.search.whole if self.search else self.batch


class Scheduler:
    """Completes a plan: submits the batches of each pairing as soon as their settings are known."""

    def __init__(
        self, plan: Plan, folder: StudyFolder, workers: Workers, options: RunOptions, progress: Progress
    ) -> None:
        self._plan, self._folder, self._workers = plan, folder, workers
        self._options, self._progress = options, progress
        self._bare_plan = msgspec.structs.replace(plan, problems=(), entrants=(), suite={})
        self._pairings = plan.pairings()
        threads: dict[str, int] = {}
        if workers.shares_cores and plan.device == "cpu":
            threads = threads_by_problem(plan, options.jobs, options.cores or options.jobs)
        self._threads = BatchThreads(threads)
        self._submissions: dict[Future[Any], _Submission] = {}
        self._finished: SimpleQueue[Future[Any]] = SimpleQueue()  # `wait` looks at all submissions each time
        self._pending: Counter[int] = Counter()
        self._owners: dict[int, str | None] = {}
        self.outcomes: dict[str, Outcome] = {}
        self._warnings: dict[str, dict[str, None]] = {}
        """Labels of the pairings by the text of a warning, as ordered sets."""

    def run(self, outcomes: dict[str, Outcome]) -> None:
        """Run the trials without an entry in `outcomes`, and add theirs to it."""
        self.outcomes = outcomes
        amounts = [pairing.work.amount for pairing in self._pairings]
        # The longest first, so that cores do not wait for a long batch at the end.
        for pairing_index in sorted(range(len(amounts)), key=amounts.__getitem__, reverse=True):
            self._submit_missing(pairing_index)
        try:
            while self._submissions:
                self._on_done(self._finished.get())
        except BaseException:
            for future in self._submissions:
                future.cancel()
            raise

    def _submit_missing(self, pairing_index: int) -> None:
        pairing = self._pairings[pairing_index]
        state = PairingState(self._plan, pairing, self.outcomes)
        while batches := missing_batches(state):
            for batch in batches:
                self._progress.planned(batch.trials)
                if pairing.fault is None:
                    self._submit(_Submission(pairing_index, batch))
                else:
                    self._store_without_measurements(
                        _Submission(pairing_index, batch), pairing.fault.status, pairing.fault.reason
                    )
            if pairing.fault is None:
                return

    def _submit(self, submission: _Submission) -> None:
        options, batch, planned = self._options, submission.batch, submission.planned
        task = Task(
            self._bare_plan,
            batch,
            options.plugin_files,
            options.jobs,
            submission.attempt,
            self._threads.of(submission.pairing_index, planned),
            planned_trials=planned.trials,
            memory=options.memory,
            third_party=third_party_plugins(options.catalog, self._bare_plan, batch),
        )
        self._pending[submission.pairing_index] += 1
        self._owners[submission.pairing_index] = task.owner
        future = self._workers.submit(run_task, task, options.timeout, task.owner, task.threads)
        self._submissions[future] = submission
        future.add_done_callback(self._finished.put)

    def _on_done(self, future: Future[Any]) -> None:
        submission, result = self._submissions.pop(future), self._workers.result(future)
        pairing_index = submission.pairing_index
        self._pending[pairing_index] -= 1
        if not isinstance(result, WorkerFailure):
            rows = rows_from_worker(result, self._bare_plan, submission.batch)
            if isinstance(rows, str):
                result = WorkerFailure(TrialStatus.FAILED, rows)
            else:
                self._store(submission, rows, result)
                self._go_on_after(submission, has_finished=True)
        if isinstance(result, WorkerFailure):
            self._on_failure(submission, result)
        if not self._pending[pairing_index]:
            self._submit_missing(pairing_index)
        if not self._pending[pairing_index]:
            self._workers.release(self._owners[pairing_index])

    def _store(self, submission: _Submission, table: pa.Table, table_bytes: bytes) -> None:
        batch = submission.batch
        self._folder.add_part(part_name(batch), table_bytes)
        self.outcomes.update(outcomes_of(table))
        self._threads.observe(submission.pairing_index, submission.planned, table)
        label = f"{batch.problem.label} × {batch.optimizer}"
        self._progress.finished(batch.trials, label)
        for text in warnings_of(table):
            self._warnings.setdefault(text, {})[label] = None

    @property
    def warnings(self) -> list[str]:
        """Each warning once, with the pairing that it is about and the number of further ones."""
        lines = [*self._workers.warnings]
        for text, labels in self._warnings.items():
            first, *others = labels
            further = f" and {plural(len(others), 'further pairing')}" if others else ""
            lines.append(f"{first}{further}: {text}")
        return lines

    def _on_failure(self, submission: _Submission, failure: WorkerFailure) -> None:
        """Retry a crash, split the batch until the failing trials are alone, and store those as failures."""
        pairing_index, batch, attempt, search = submission
        may_retry = attempt < ATTEMPTS and (search is None or batch.trials == 1)
        if failure.kind is TrialStatus.CRASHED and may_retry:
            self._submit(submission._replace(attempt=attempt + 1))
            return
        search = search or Search(batch)
        submission = submission._replace(search=search)
        parts = search.split(batch, failure.kind)
        for part in parts:
            self._submit(_Submission(pairing_index, part, search=search))
        if not parts:
            self._store_failure(submission, failure)
            self._go_on_after(submission, has_finished=False, failure=failure)

    def _go_on_after(
        self, submission: _Submission, has_finished: bool, failure: WorkerFailure | None = None
    ) -> None:
        """Submit the parts of a failed batch that waited for this one, or store them as timed out as well."""
        if submission.search is None:
            return
        waiting, abandoned = submission.search.after_part(has_finished)
        for part in waiting:
            self._submit(_Submission(submission.pairing_index, part, search=submission.search))
        for part in abandoned:
            self._store_failure(submission._replace(batch=part), cast(WorkerFailure, failure))

    def _store_failure(self, submission: _Submission, failure: WorkerFailure) -> None:
        batch, options = submission.batch, self._options
        log = self._folder.write_log(part_name(batch), failure.log)
        error = describe_lost_trials(
            failure, batch.trials, str(log), ATTEMPTS, timeout=options.timeout, memory=options.memory
        )
        self._store_without_measurements(submission, failure.kind, error, failure.device, failure.peak_bytes)

    def _store_without_measurements(
        self,
        submission: _Submission,
        status: TrialStatus,
        error: str,
        device: str | None = None,
        peak_bytes: int | None = None,
    ) -> None:
        batch, planned = submission.batch, submission.planned
        details = ExecutionDetails(
            self._plan.device if device is None or self._plan.device == "cpu" else device,
            self._threads.of(submission.pairing_index, planned),
            self._options.jobs,
            submission.attempt,
            planned.planned_trials,
            peak_bytes,
        )
        rows = rows_without_measurements(self._bare_plan, batch, status, error, details)
        self._store(submission, rows, to_bytes(rows))


def part_name(batch: BatchPlan) -> str:
    """Return the file name of a batch for human readers; the folder adds a number that makes it unique."""
    return f"{batch.problem.name}-{batch.optimizer}-{batch.role}"
