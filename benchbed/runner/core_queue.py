"""Calls that share cores: a free thread of an executor runs the oldest call for which enough cores are free."""

import functools
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from typing import Any, NamedTuple


class _WaitingCall(NamedTuple):
    cores: int
    future: Future[Any]
    function: Callable[[], Any]


class CoreQueue:
    """Calls that wait, in their order, and a number of cores that those that run share.

    The executor receives a call of `_run_next` for each of them, so that none of its threads waits for cores while a
    smaller call fits into the free ones.
    """

    def __init__(self, executor: Executor, cores: int) -> None:
        self._executor = executor
        self._free = self._all = cores
        self._waiting: list[_WaitingCall] = []
        self._is_closed = False
        self._changed = threading.Condition()

    def submit(self, cores: int, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Submit a call that uses some cores, and return its future; more than there are count as all."""
        call = _WaitingCall(min(cores, self._all), Future(), functools.partial(function, *arguments))
        with self._changed:
            self._waiting.append(call)
            self._changed.notify_all()
        self._executor.submit(self._run_next).add_done_callback(self._on_end)
        return call.future

    def close(self) -> None:
        """Cancel the calls that wait."""
        with self._changed:
            self._is_closed = True
            calls, self._waiting = self._waiting, []
            self._changed.notify_all()
        for call in calls:
            call.future.cancel()

    def _run_next(self) -> None:
        """Wait for a call that fits into the free cores, and run it; return after `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._fitting() is not None)
            position = self._fitting()
            if position is None:
                return
            call = self._waiting.pop(position)
            self._free -= call.cores
        try:
            if call.future.set_running_or_notify_cancel():
                call.future.set_result(call.function())
        except Exception as error:  # noqa: BLE001 (raised again by the caller, which waits for the future)
            call.future.set_exception(error)
        except BaseException as error:  # an interrupt, if the executor runs calls in the thread of the driver
            call.future.set_exception(error)
            raise
        finally:
            with self._changed:
                self._free += call.cores
                self._changed.notify_all()

    def _fitting(self) -> int | None:
        """Return the position of the oldest call that fits into the free cores; smaller ones may pass a larger one."""
        return next((index for index, call in enumerate(self._waiting) if call.cores <= self._free), None)

    def _on_end(self, run: Future[None]) -> None:
        """Fail a call that waits if the executor has cancelled or lost a `_run_next`, which would have run one."""
        error = CancelledError() if run.cancelled() else run.exception()
        if not isinstance(error, Exception):  # an interrupt is that of a call that ran
            return
        with self._changed:
            call = self._waiting.pop(0) if self._waiting else None
        if call is not None and call.future.set_running_or_notify_cancel():
            call.future.set_exception(error)
