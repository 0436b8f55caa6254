"""Modules and built-in plugins of workers, imported once by the fork server: a new process then starts in 0.1 s."""

import atexit
import contextlib
import os
import shutil
import signal
import tempfile
import time
from importlib import import_module
from pathlib import Path
from types import FrameType

from benchbed.runner.fork_server import DRIVER, FOLDER

DRAWING_MODULES = ("benchbed.study.reporting", "matplotlib.figure", "seaborn")
"""Modules that reports use."""
PARENT_SECONDS = 1.0
"""Time that a driver may take to end after it has closed its files."""


def has_font_cache() -> bool:
    """Return whether matplotlib can write its font cache in the home folder."""
    try:
        return any(
            os.access(folder, os.W_OK) for folder in (Path.home() / ".cache", Path.home()) if folder.is_dir()
        )
    except RuntimeError:  # the user has no home folder
        return False


_driver = int(os.environ.get(DRIVER, os.getppid()))  # it may have ended already
_folders = [os.environ[FOLDER]] if FOLDER in os.environ else []

if "MPLCONFIGDIR" not in os.environ and not has_font_cache():
    # Otherwise each process would warn on stderr and leave a temporary folder behind.
    _folders.append(tempfile.mkdtemp(prefix="benchbed-matplotlib-"))
    os.environ["MPLCONFIGDIR"] = _folders[-1]


@atexit.register
def remove_folders() -> None:
    """Remove the temporary folders of the server and of its driver, which may have ended by SIGKILL."""
    deadline = time.monotonic() + PARENT_SECONDS  # its pipe is closed a moment before it ends
    while _folders and os.getppid() == _driver and time.monotonic() < deadline:
        time.sleep(0.01)
    for folder in _folders if os.getppid() != _driver else ():
        shutil.rmtree(folder, ignore_errors=True)


def end_with_driver(number: int, frame: FrameType | None) -> None:
    """End this process if the driver has ended."""
    if os.getppid() != _driver:
        remove_folders()
        os._exit(1)


# The server notices the end of the driver only after the imports, which take seconds. A timer leaves no thread behind.
signal.signal(signal.SIGALRM, end_with_driver)
signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a terminal that is closed ends the driver

# One thread before the server forks: a pool of threads would not survive it.
import_module("torch").set_num_threads(1)
# If a module cannot be imported, the server ignores the error, and the task that needs the module reports it.
import_module("benchbed.runner.task")
# Each worker loads the catalog. Built-in plugins take the most of its time, and are loaded once for all processes that
# are forked from this one. No third-party code may run here.
with contextlib.suppress(Exception):  # the task that needs them reports it, likewise
    catalog = import_module("benchbed.catalog.loading").load_catalog(needed=())
    for name in DRAWING_MODULES if catalog.names("reports") else ():
        import_module(name)

signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGALRM, signal.SIG_DFL)
