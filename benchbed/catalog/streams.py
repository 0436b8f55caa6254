"""Standard output, kept for the output of commands while third-party code runs."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Redirect stdout to stderr, also for C code, `os.write` and child processes."""
    with contextlib.redirect_stdout(sys.stderr), contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # stdout or stderr is closed
            copy = os.dup(1)
            stack.callback(os.close, copy)
            os.dup2(2, 1)
            stack.callback(os.dup2, copy, 1)
            stack.callback(ctypes.CDLL(None).fflush, None)  # C code has a buffer of its own
        yield
