"""Import what every child needs, once, in the fork server: a new child then costs a tenth of a second."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import torch

import benchbed.runner.task  # noqa: F401 (imported for the children that are forked from here)


def has_home() -> bool:
    """Tell whether matplotlib can keep its list of fonts where it usually does."""
    try:
        return any(
            os.access(folder, os.W_OK) for folder in (Path.home() / ".cache", Path.home()) if folder.is_dir()
        )
    except RuntimeError:  # there is no home at all
        return False


if "MPLCONFIGDIR" not in os.environ and not has_home():
    # Else each child complains on stderr, makes a folder of its own, and leaves it behind.
    os.environ["MPLCONFIGDIR"] = tempfile.mkdtemp(prefix="benchbed-matplotlib-")
    atexit.register(shutil.rmtree, os.environ["MPLCONFIGDIR"], ignore_errors=True)

torch.set_num_threads(1)
