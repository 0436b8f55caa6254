"""The lines of plugins from which the operations of a traced step come, for reasons why a step is not compiled."""

import functools
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.fx import traceback as fx_traceback
from torch.utils._python_dispatch import TorchDispatchMode

FRAMEWORKS = f"{Path(torch.__file__).resolve().parent}/", f"{Path(__file__).resolve().parents[1]}/"
STANDARD_LIBRARY = f"{Path(sysconfig.get_paths()['stdlib']).resolve()}/"
INSTALLED_PACKAGES = ("/site-packages/", "/dist-packages/")
"""Folders that may be within that of the standard library."""

CodeLine = tuple[str, int]
"""File and line."""


class PluginLines(TorchDispatchMode):
    """A mode that stores the line of a plugin that computes a traced node as the node's `stack_trace`.

    A node of a derivative has the line of the operation that is differentiated.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as torch's modes are
        self._caller = sys._getframe(1)
        self._lines: dict[int, str] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        derivative: Any = torch._C._current_autograd_node()
        if derivative is None:
            line = innermost_plugin_line(code_lines(sys._getframe(1), self._caller))
            if line is not None:
                self._lines[torch._C._autograd._get_sequence_nr() - 1] = line
        else:
            line = self._lines.get(derivative._sequence_nr())
        with fx_traceback.preserve_node_meta():
            fx_traceback.set_stack_trace([line or ""])
            return func(*args, **(kwargs or {}))


def code_lines(frame: FrameType | None, end: FrameType | None = None) -> Iterator[CodeLine]:
    """Yield the lines of a frame and its callers, the innermost first, up to the frame `end`."""
    while frame is not None and frame is not end:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back


def plugin_line_of(error: BaseException) -> str | None:
    """Return `file:line` of the innermost line of a plugin that an exception has left; None without one."""
    frames = reversed(list(traceback.walk_tb(error.__traceback__)))
    return innermost_plugin_line((frame.f_code.co_filename, line) for frame, line in frames)


def innermost_plugin_line(lines: Iterable[CodeLine]) -> str | None:
    """Return `file:line` of the first of `lines` that belongs to a plugin."""
    return next((f"{file}:{line}" for file, line in lines if _is_plugin_file(file)), None)


@functools.cache
def is_framework_file(name: str) -> bool:
    """Return whether a source file belongs to torch or benchbed."""
    return str(Path(name).resolve()).startswith(FRAMEWORKS)


@functools.cache
def _is_plugin_file(name: str) -> bool:
    """Return whether a source file belongs to neither Python, torch nor benchbed."""
    path = str(Path(name).resolve())
    if name.startswith("<") or is_framework_file(name):
        return False
    return not path.startswith(STANDARD_LIBRARY) or any(folder in path for folder in INSTALLED_PACKAGES)
