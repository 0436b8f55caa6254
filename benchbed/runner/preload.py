"""Import what every child needs, once, in the fork server: a new child then costs a tenth of a second."""

import atexit
import gc
import os
import shutil
import tempfile
from importlib import import_module
from pathlib import Path

MODULES = "torch", "benchbed.runner.task", "benchbed.runner.reporting", "matplotlib.figure"
"""What running and drawing take."""


def load() -> None:
    """Import it all, and keep the garbage collector away from it, now and in the children.

    Looking at everything again and again, while imports make more of it, takes half a second; and each child would
    write to all of it, and so copy it.
    """
    gc.disable()
    try:
        for name in MODULES:
            import_module(name)
        import_module("torch").set_num_threads(1)
        gc.freeze()
    finally:
        gc.enable()  # the server passes over a module that cannot be imported, and serves all the same


def has_home() -> bool:
    """Tell whether matplotlib can keep its list of fonts where it usually does."""
    try:
        return any(
            os.access(folder, os.W_OK) for folder in (Path.home() / ".cache", Path.home()) if folder.is_dir()
        )
    except RuntimeError:  # there is no home at all
        return False


# Registered before all others, so called last: what is left goes with the process, and taking torch to pieces would
# take a quarter of a second, for which whoever reads the driver's output waits.
atexit.register(os._exit, 0)

if "MPLCONFIGDIR" not in os.environ and not has_home():
    # Else each child complains on stderr, makes a folder of its own, and leaves it behind.
    os.environ["MPLCONFIGDIR"] = tempfile.mkdtemp(prefix="benchbed-matplotlib-")
    atexit.register(shutil.rmtree, os.environ["MPLCONFIGDIR"], ignore_errors=True)

load()
