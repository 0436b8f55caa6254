"""Run tasks in child processes that may die: one child for each calling thread, replaced when it is lost."""

import contextlib
import faulthandler
import fcntl
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import traceback
import types
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any, Literal, NamedTuple

LOG_CHARACTERS = 100_000
"""A child's log is cut to its last characters."""


Work = Callable[[bytes], Any]
"""A top-level function from a task in JSON to plain data."""


class Answer(NamedTuple):
    """What came of a task: its plain result, or how its child died and what it left in its log."""

    result: Any
    death: Literal["crashed", "timed_out", "failed"] | None = None
    log: str = ""


class Child:
    """One process, started when first needed, with a log that outlives it."""

    def __init__(self) -> None:
        descriptor, name = tempfile.mkstemp(prefix="benchbed-", suffix=".log")
        os.close(descriptor)
        self.log = Path(name)
        self._closing = threading.Lock()
        self._pool = ProcessPoolExecutor(1, mp_context=_context(), initializer=begin, initargs=(name,))
        with _starting, _surroundings(), _no_main_module(), _no_interrupts():
            born = self._pool.submit(os.getpid)
        self.process_id: int = born.result()

    def run(self, work: Work, task: bytes, timeout: float | None) -> Answer:
        """Run a task; raises BrokenProcessPool if the child dies over it."""
        result, error = self._pool.submit(timed, work, task, timeout, str(self.log)).result()
        return Answer(result) if error is None else Answer(None, "failed", error)

    def kill(self) -> None:
        """End the process at once, whatever it is doing."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process_id, signal.SIGKILL)

    def close(self) -> str:
        """Release what is left of a child that is dead or dying; gives the end of its log, once.

        Waits for the pool's own thread, which Python, if it exits meanwhile, would wake by a pipe that is being closed.
        """
        with self._closing:  # who ends all children may come while the child's thread is here
            self._pool.shutdown(wait=True, cancel_futures=True)
            text = self.log.read_text(errors="replace") if self.log.exists() else ""
            self.log.unlink(missing_ok=True)
        return text[-LOG_CHARACTERS:]


_thread = threading.local()
_living: set[Child] = set()
_endings: list[None] = []
"""One item for each time that all children were told to go."""
_starting = threading.Lock()
"""Held while a process starts, which changes what its parent looks like for a moment."""


def isolated(work: Work, task: bytes, timeout: float | None = None) -> Answer:
    """Run `work` on a task in this thread's child; a child that dies is replaced when the next task comes."""
    child: Child | None = getattr(_thread, "child", None)
    endings = len(_endings)
    try:
        if child is None or child not in _living:
            child = _thread.child = Child()
            _living.add(child)
        if len(_endings) > endings:  # came into the world after its siblings had been told to go
            child.kill()
        return child.run(work, task, timeout)
    except BrokenProcessPool:
        log = ""
        if child is not None:
            log = child.close()
            _living.discard(child)
        return Answer(None, "timed_out" if "Timeout (" in log else "crashed", log)
    except Exception as error:  # noqa: BLE001 (what a child sends back may not even unpickle)
        return Answer(None, "failed", f"{type(error).__name__}: {error}")


def answer_of(future: Future[Answer]) -> Answer:
    """Give what came of a task, also where an executor lost it."""
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 (executors are anyone's, and raise what they like)
        return Answer(None, "failed", f"{type(error).__name__}: {error}")


def in_process(work: Work, task: bytes, timeout: float | None = None) -> Answer:
    """Run `work` without a child; nothing can end it in time or survive its death."""
    return Answer(work(task))


def warm_up() -> None:
    """Start the server that children are forked from, so that it imports torch while its caller does."""
    _context()
    with _starting, _surroundings(), _no_main_module(), _no_interrupts():
        forkserver.ensure_running()


def caller(executor: Executor) -> Callable[..., Answer]:
    """Choose how an executor's tasks are run: in a child each thread owns, unless it is made for debugging."""
    return in_process if getattr(executor, "in_process", False) else isolated


def end_children() -> None:
    """Kill every child of this process, those that are being born included, and release what they hold."""
    _endings.append(None)
    for child in list(_living):
        child.kill()
        child.close()
        _living.discard(child)


def begin(log: str) -> None:
    """Prepare a new child: no interrupts, no stdout, a stack in the log if it crashes, death with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
    faulthandler.enable(Path(log).open("a"))  # noqa: SIM115 (faulthandler keeps it for the life of the process)
    threading.Thread(target=_wait_for_death, args=(multiprocessing.parent_process(),), daemon=True).start()


def timed(work: Work, task: bytes, timeout: float | None, log: str) -> tuple[Any, str | None]:
    """Run a task under the clock and give its result, or what it raised as text.

    Past `timeout` the process ends itself and leaves its stack in the log.
    """
    _die_with_parent()
    with Path(log).open("a") as file:
        if timeout is not None:
            # Works while a plugin holds the interpreter's lock, where no thread and no signal handler would.
            faulthandler.dump_traceback_later(timeout, exit=True, file=file)
        try:
            return work(task), None
        except BaseException:  # noqa: BLE001 (an exception may not survive the way back, and may end who receives it)
            return None, traceback.format_exc()
        finally:
            faulthandler.cancel_dump_traceback_later()


def _die_with_parent() -> None:
    # The kernel ends this process by SIGIO when the parent's end of their pipe closes, also while a plugin holds
    # the interpreter's lock. Not said at birth, when the parent may still be writing to that pipe.
    parent: Any = multiprocessing.parent_process()
    fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)


def _wait_for_death(parent: Any) -> None:
    # For systems whose pipes send no SIGIO.
    parent.join()
    os._exit(1)


def _context() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchbed.runner.preload"])
    return context


@contextlib.contextmanager
def _no_main_module() -> Iterator[None]:
    # A child would import the caller's script again, which may have no `if __name__ == "__main__"`, for nothing.
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    # What starts here inherits the mask: Ctrl-C, which goes to all, is for the driver alone to answer. Python's
    # tracker, which must run before a fork server, lifts the mask when it starts itself.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


SURROUNDINGS = {
    # Keeps the working directory off the path of the fork server and of everything that it starts.
    "PYTHONSAFEPATH": "1",
    # Keeps freed memory instead of asking the kernel for it, page by page, at every step: a quarter of the time of
    # a network's step. Where the C library is not glibc, these are words that nobody reads.
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "1073741824",
}
"""Variables that a child finds set when its program begins."""


@contextlib.contextmanager
def _surroundings() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in SURROUNDINGS}
    os.environ.update({"PYTHONSAFEPATH": "1"} | {n: v for n, v in SURROUNDINGS.items() if before[n] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
