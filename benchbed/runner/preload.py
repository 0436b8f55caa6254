"""Modules and built-in plugins of workers, imported once by the fork server: a new process then starts in 0.1 s."""

import atexit
import contextlib
import os
import shutil
import signal
import tempfile
from importlib import import_module
from pathlib import Path

from benchbed.runner.fork_server import DRIVER

DRAWING_MODULES = ("benchbed.study.reporting", "matplotlib.figure", "seaborn")
"""Modules that reports use."""


def has_font_cache() -> bool:
    """Return whether matplotlib can write its font cache in the home folder."""
    try:
        return any(
            os.access(folder, os.W_OK) for folder in (Path.home() / ".cache", Path.home()) if folder.is_dir()
        )
    except RuntimeError:  # the user has no home folder
        return False


if "MPLCONFIGDIR" not in os.environ and not has_font_cache():
    # Otherwise each process would warn on stderr and leave a temporary folder behind.
    os.environ["MPLCONFIGDIR"] = tempfile.mkdtemp(prefix="benchbed-matplotlib-")
    atexit.register(shutil.rmtree, os.environ["MPLCONFIGDIR"], ignore_errors=True)

# The server notices the end of the driver only after the imports, which take seconds. A timer leaves no thread behind.
_driver = int(os.environ.get(DRIVER, os.getppid()))  # it may have ended already
signal.signal(signal.SIGALRM, lambda number, frame: os.getppid() == _driver or os._exit(1))
signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)

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
