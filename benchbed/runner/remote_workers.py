"""Workers whose tasks an executor of another package runs, in groups, in processes on this or other machines."""

import contextlib
import logging
import os
import pickle
import platform
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, wait
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import msgspec

from benchbed.catalog.discovery import DISABLE
from benchbed.catalog.names import error_line
from benchbed.errors import CONTINUES, ExecutorLostError
from benchbed.runner.fork_server import starting_process, temporary_folder
from benchbed.runner.group import Driver, Group, PackedTask, run_group
from benchbed.runner.host import versions
from benchbed.runner.task import Task
from benchbed.runner.task_groups import TaskTimes, group_length
from benchbed.runner.workers import Work, Workers

_logger = logging.getLogger(__name__)

MOST_LOSSES = 5
"""Groups that a task may lose with their process, none of which is its fault: a child runs it."""
MOST_ERRORS = 1
"""Groups of a task that may raise an exception of the executor before it counts as failed."""
MOST_FAILURES = 3
"""Executors in a row that may be lost without finishing a group."""


class _PendingTask(NamedTuple):
    future: Future[Any]
    packed: PackedTask
    files: tuple[str, ...]
    kind: str
    amount: float
    losses: int = 0


class _Flight(NamedTuple):
    """A group that an executor runs."""

    submissions: list[_PendingTask]
    executor: Executor
    start: float


class RemoteWorkers(Workers):
    """The tasks of an executor whose workers are other processes.

    One thread submits them: at most as many groups at a time as the executor has workers. A group whose process is lost
    runs again, task by task; an executor that is lost is built again.
    """

    shares_cores = False

    def __init__(self, name: str, executor: Executor, build: Callable[[], Executor], jobs: int) -> None:
        """`build` replaces an executor that is lost; `jobs` is the number of groups at a time.

        An executor with an attribute `jobs`, such as that of a cluster that grows, decides itself.
        """
        super().__init__(executor)
        self._name, self._build, self._jobs = name, build, jobs
        self._events: SimpleQueue[_PendingTask | Future[Any] | None] = SimpleQueue()
        self._waiting: deque[_PendingTask] = deque()
        self._flights: dict[Future[Any], _Flight] = {}
        self._times = TaskTimes()
        self._failures = 0
        self._lost: ExecutorLostError | None = None
        self._files: dict[str, bytes] = {}
        self._unfinished: set[Future[Any]] = set()
        self._has_ended = False
        folder = tempfile.mkdtemp(prefix="benchbed-driver-", dir=temporary_folder())
        self._driver = Driver(platform.node(), os.getpid(), folder)
        with starting_process():  # it blocks SIGINT: a terminal sends Ctrl-C to the executor's processes too
            self.dispatcher = threading.Thread(target=self._dispatch, name="benchbed-groups", daemon=True)
            self.dispatcher.start()

    def submit(
        self,
        work: Work,
        task: msgspec.Struct,
        timeout: float | None = None,
        owner: str | None = None,
        cores: int = 1,
    ) -> Future[Any]:
        """Submit a task and return its future, as all workers do; each runs on the core of its worker."""
        future: Future[Any] = Future()
        name = f"{work.__module__}:{work.__qualname__}"
        packed = PackedTask(name, msgspec.json.encode(task), timeout, owner)
        files: tuple[str, ...] = ()
        kind, amount = packed.work, 1.0
        if isinstance(task, Task):
            files, kind = task.plugin_files, f"{task.batch.problem.label} × {task.batch.optimizer}"
            amount = float(task.batch.trials * task.batch.problem.budget)
        self._unfinished.add(future)
        future.add_done_callback(self._unfinished.discard)
        self._events.put(_PendingTask(future, packed, files, kind, amount))
        return future

    def stop(self) -> None:
        """Wait for all submitted tasks and accept no more."""
        wait(self._unfinished.copy())
        self._end(wait_for_tasks=True)

    def kill(self) -> None:
        """Cancel the groups that wait; those that run on this machine end within a second."""
        self._end(wait_for_tasks=False)

    def _end(self, wait_for_tasks: bool) -> None:
        if not self._has_ended:
            self._has_ended = True
            for future in list(self._flights):
                future.cancel()
            self._events.put(None)
            shutil.rmtree(self._driver.folder, ignore_errors=True)
            self._shut_down(wait_for_tasks)

    def _shut_down(self, wait_for_tasks: bool) -> None:
        """Shut the executor down; its errors are logged, because its tasks have ended or are abandoned."""
        try:
            # not all executors have the parameter `cancel_futures`
            self._executor.shutdown(wait=wait_for_tasks)
        except Exception as error:  # noqa: BLE001 (executors are third-party code and may raise any exception)
            _logger.warning("executor %r could not be shut down: %s", self._name, error_line(error))

    def _dispatch(self) -> None:
        try:
            while (event := self._events.get()) is not None:
                if isinstance(event, _PendingTask):
                    self._waiting.append(event)
                else:
                    self._on_done(event)
                if self._events.empty():
                    self._fill()
        except Exception as error:
            self._give_up(error)
            raise

    def _fill(self) -> None:
        """Submit groups until every worker of the executor has one."""
        while self._waiting and self._lost is None and not self._has_ended:
            slots = max(1, getattr(self._executor, "jobs", self._jobs))
            if len(self._flights) >= slots:
                return
            # A task that was lost runs alone, so that it loses no other.
            seconds = [
                None if submission.losses else self._times.estimate(submission.kind, submission.amount)
                for submission in self._waiting
            ]
            length = group_length(seconds, slots, self._times.overhead)
            self._start([self._waiting.popleft() for _ in range(length)])
        if self._lost is not None:
            self._fail(self._waiting, self._lost)
            self._waiting.clear()

    def _start(self, tasks: list[_PendingTask]) -> None:
        submissions = [each for each in tasks if each.losses or each.future.set_running_or_notify_cancel()]
        if not submissions:
            return
        paths = {path for submission in submissions for path in submission.files}
        for path in paths - self._files.keys():
            with contextlib.suppress(OSError):  # the worker, which cannot read it either, fails the trials
                self._files[path] = Path(path).read_bytes()
        group = Group(
            tuple(submission.packed for submission in submissions),
            {path: self._files[path] for path in sorted(paths & self._files.keys())},
            versions(),
            os.environ.get(DISABLE),
            self._driver,
        )
        flight = _Flight(submissions, self._executor, time.monotonic())
        try:
            with starting_process():  # some executors start their workers when they need them
                future = self._executor.submit(run_group, group)
        except Exception as error:  # noqa: BLE001 (executors are third-party code and may raise any exception)
            self._on_loss(flight, error, is_executor_lost=True)
            return
        self._flights[future] = flight
        future.add_done_callback(self._events.put)

    def _on_done(self, future: Future[Any]) -> None:
        flight = self._flights.pop(future, None)
        if flight is None:  # the executor is lost
            return
        try:
            results = future.result()
        except (CancelledError, BrokenExecutor) as error:
            self._on_loss(flight, error, is_executor_lost=True)
        except Exception as error:  # noqa: BLE001 (likewise)
            self._on_loss(flight, error, is_executor_lost=False)
        else:
            self._failures = 0
            busy = 0.0
            for submission, (encoded, seconds) in zip(flight.submissions, results, strict=True):
                busy += seconds
                self._times.add_task(submission.kind, submission.amount, seconds)
                submission.future.set_result(pickle.loads(encoded))
            self._times.add_overhead(time.monotonic() - flight.start - busy)

    def _on_loss(self, flight: _Flight, error: Exception, is_executor_lost: bool) -> None:
        """Let the tasks of a lost group run again, each alone, unless they were lost too often."""
        if self._has_ended:
            return
        most = MOST_LOSSES if is_executor_lost else MOST_ERRORS
        for submission in reversed(flight.submissions):
            if submission.losses < most:
                self._waiting.appendleft(submission._replace(losses=submission.losses + 1))
            else:
                submission.future.set_exception(error)
        if is_executor_lost and flight.executor is self._executor:
            self._build_again(error)

    def _build_again(self, error: Exception) -> None:
        self._failures += 1
        if self._failures > MOST_FAILURES:
            self._give_up(error)
            return
        self._shut_down(wait_for_tasks=False)
        try:
            with starting_process():
                self._executor = self._build()
        except Exception as reason:  # noqa: BLE001 (likewise)
            self._give_up(reason)

    def _give_up(self, error: Exception) -> None:
        """Fail the study, whose finished trials are stored."""
        self._lost = ExecutorLostError(f"executor {self._name!r} is lost: {error_line(error)}; {CONTINUES}")
        running = [submission for flight in self._flights.values() for submission in flight.submissions]
        self._flights.clear()
        self._fail([*running, *self._waiting], self._lost)

    @staticmethod
    def _fail(submissions: Iterable[_PendingTask], error: Exception) -> None:
        for submission in submissions:
            if not submission.future.done():
                submission.future.set_exception(error)
