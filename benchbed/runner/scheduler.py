"""Hand missing batches to an executor and store each result as it arrives; the only writer of the folder."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import NamedTuple, Protocol

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from benchbed.engine import FELL_BACK
from benchbed.plan import BatchPlan, Pairing, Plan
from benchbed.runner.isolation import Answer, answer_of, caller
from benchbed.runner.rows import Circumstances, rows_without
from benchbed.runner.task import Task, run_task
from benchbed.store import StudyFolder, from_bytes, table_of, to_bytes
from benchbed.tuning.outcomes import Outcome, outcomes_of
from benchbed.tuning.scheduling import missing_batches

ATTEMPTS = 2
"""A batch whose child dies is tried once more before anything is called a crash."""


class Progress(Protocol):
    """Hear how far a study has come."""

    def planned(self, trials: int) -> None:
        """So many more trials will run."""

    def finished(self, trials: int, label: str) -> None:
        """A batch of so many trials has ended."""


class Settings(NamedTuple):
    """How batches are run, which no result may depend on."""

    jobs: int
    timeout: float | None
    plugin_files: tuple[str, ...]


class _Flight(NamedTuple):
    pairing: int
    batch: BatchPlan
    attempt: int


class Driver:
    """Complete a plan: every pairing's batches, in the order in which they become known."""

    def __init__(
        self, plan: Plan, folder: StudyFolder, executor: Executor, settings: Settings, progress: Progress
    ) -> None:
        self._plan, self._folder, self._executor = plan, folder, executor
        self._settings, self._progress = settings, progress
        self._bare = msgspec.structs.replace(plan, problems=(), entrants=(), suite={})
        self._pairings = plan.pairings()
        self._threads = threads_of(plan, settings.jobs)
        self._flights: dict[Future[Answer], _Flight] = {}
        self._left: Counter[int] = Counter()
        self.known: dict[str, Outcome] = {}
        self.warnings: list[str] = []

    def run(self, known: dict[str, Outcome]) -> None:
        """Run what is missing beside `known`, which grows by the outcomes of everything that ran."""
        self.known = known
        for position in sorted(range(len(self._pairings)), key=lambda index: -_weight(self._pairings[index])):
            self._continue(position)
        try:
            while self._flights:
                done, _ = wait(self._flights, return_when=FIRST_COMPLETED)
                for future in done:
                    self._land(future)
        except BaseException:
            for future in self._flights:
                future.cancel()
            raise

    def _continue(self, position: int) -> None:
        for batch in missing_batches(self._plan, self._pairings[position], self.known):
            self._progress.planned(batch.trials)
            self._start(_Flight(position, batch, 1))

    def _start(self, flight: _Flight) -> None:
        files, jobs = self._settings.plugin_files, self._settings.jobs
        task = Task(self._bare, flight.batch, files, jobs, flight.attempt, self._threads)
        call = caller(self._executor)
        self._left[flight.pairing] += 1
        future = self._executor.submit(call, run_task, msgspec.json.encode(task), self._settings.timeout)
        self._flights[future] = flight

    def _land(self, future: Future[Answer]) -> None:
        flight, answer = self._flights.pop(future), answer_of(future)
        self._left[flight.pairing] -= 1
        if answer.death is None:
            self._keep(flight, answer.result)
        else:
            self._bury(flight, answer)
        if not self._left[flight.pairing]:
            self._continue(flight.pairing)

    def _keep(self, flight: _Flight, part: bytes) -> None:
        self._folder.add_part(part_name(flight.batch), part)
        table = from_bytes(part)
        self.known.update(outcomes_of(table))
        label = f"{flight.batch.problem.label} × {flight.batch.optimizer}"
        self._progress.finished(flight.batch.trials, label)
        for remark in remarks_on(table):
            if f"{label}: {remark}" not in self.warnings:
                self.warnings.append(f"{label}: {remark}")

    def _bury(self, flight: _Flight, answer: Answer) -> None:
        """Try a lost batch again, halve it until the guilty settings stand alone, and then say what they did."""
        batch, death = flight.batch, answer.death or "crashed"
        if death == "crashed" and flight.attempt < ATTEMPTS:
            self._start(flight._replace(attempt=flight.attempt + 1))
            return
        if death != "timed_out" and len(batch.settings) > 1:
            for half in _halves(len(batch.settings)):
                self._start(_Flight(flight.pairing, batch.part(half), ATTEMPTS))
            return
        where = self._folder.write_log(f"{part_name(batch)}.log", answer.log)
        error = self._explain(death, answer, str(where))
        how = Circumstances(self._threads, self._settings.jobs, flight.attempt)
        self._keep(flight, to_bytes(table_of(rows_without(self._bare, batch, death, error, how))))

    def _explain(self, death: str, answer: Answer, log: str) -> str:
        if death == "timed_out":
            return f"the batch took longer than {self._settings.timeout:g} s; its stack is in {log}"
        if death == "crashed":
            return f"the process died, and again when tried once more; what it left is in {log}"
        return f"the result could not be brought back: {answer.log.strip()}"


def threads_of(plan: Plan, jobs: int) -> int:
    """Give each batch its share of the cores that jobs would leave idle, where the plan begins with fewer batches.

    It depends on the plan alone: what is stored already changes nothing in the rows of what is missing.
    """
    first = sum(len(missing_batches(plan, pairing, {})) for pairing in plan.pairings())
    return max(1, jobs // max(1, min(jobs, first)))


def remarks_on(table: pa.Table) -> Iterator[str]:
    """Say what became of a batch otherwise than was asked for, and why."""
    for reason in table["engine_reason"].unique().to_pylist():
        _, fell_back, why = (reason or "").partition(FELL_BACK)
        if fell_back:
            yield f"steps were made one by one, as {why}"
    skipped = table.filter(pc.equal(table["status"], "skipped"))
    for reason in skipped["error"].unique().to_pylist():
        yield f"skipped, as {reason}"


def part_name(batch: BatchPlan) -> str:
    """Name a batch's part for a human reader; the number before it makes it unique."""
    optimizer = batch.optimizer.replace(":", "-")
    return f"{batch.problem.name}-{optimizer}-{batch.role}"


def _weight(pairing: Pairing) -> float:
    # The dearest first, so that no core is left with a long batch at the end.
    return pairing.problem.dimension * pairing.problem.budget / pairing.problem.price_of(pairing.entrants[0])


def _halves(count: int) -> Iterator[range]:
    yield range(count // 2)
    yield range(count // 2, count)
