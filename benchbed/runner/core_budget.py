"""Cores that the tasks of several threads share: a task waits until as many are free as it uses."""

import contextlib
import threading
from collections.abc import Iterator


class _Request:
    """A task that waits for cores."""

    def __init__(self, cores: int) -> None:
        self.cores = cores
        self.decided = threading.Event()
        self.is_granted = False


class CoreBudget:
    """A number of cores, which the first waiting tasks that fit into the free ones receive."""

    def __init__(self, cores: int) -> None:
        self._free = self._all = cores
        self._waiting: list[_Request] = []
        self._is_closed = False
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def reserve(self, cores: int) -> Iterator[bool]:
        """Wait for cores and keep them within the block; more than there are count as all.

        Yields False, without any core, if the budget is closed meanwhile.
        """
        request = _Request(min(cores, self._all))
        with self._lock:
            self._waiting.append(request)
            self._grant()
        request.decided.wait()
        try:
            yield request.is_granted
        finally:
            with self._lock:
                self._free += request.cores if request.is_granted else 0
                self._grant()

    def close(self) -> None:
        """Grant no more cores."""
        with self._lock:
            self._is_closed = True
            self._grant()

    def _grant(self) -> None:
        """Decide on the requests that can be decided, the oldest first; smaller ones may pass one that does not fit."""
        undecided = []
        for request in self._waiting:
            if not self._is_closed and request.cores > self._free:
                undecided.append(request)
                continue
            if not self._is_closed:
                self._free -= request.cores
                request.is_granted = True
            request.decided.set()
        self._waiting = undecided
