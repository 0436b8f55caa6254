"""The type of a figure: a picture that a plugin draws from the study of a suite, or from a measurement."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, NamedTuple

Function = Callable[..., Any] | str
"""A function, or its import path "package.module:function"."""

_IMPORT_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class Picture(NamedTuple):
    """The files and the caption of a figure."""

    files: Mapping[str, bytes]
    """Contents by suffix: "png", "svg", and "gif" for an animation."""
    caption: str
    """The content and the measured numbers, as plain text in complete sentences."""


@dataclass(frozen=True)
class Figure:
    """A figure with its source, which is either a suite or a measurement.

    `draw` takes the finished study of `suite` (a `benchbed.Study`) and returns a `Picture`. If `suite` is a tuple,
    `draw` takes one study for each, in that order, such as for optimizers with different budgets. A figure of data that
    is not in a study has `measure` instead of `suite`: a function without arguments that returns plain data (numbers,
    strings, lists, dicts), which `draw` takes. `measure` runs while no other task does. Both functions may be import
    paths "package.module:function"; they are then imported at the first call, so that listing plugins stays fast.

    Raises: ValueError unless exactly one source is set and each function is callable or an import path.
    """

    name: str
    """Name of the files."""
    title: str
    """The content in a few words."""
    draw: Function
    suite: str | tuple[str, ...] | None = None
    """Name of a registered suite, or names of several. The preset `full` takes `<suite>-full` if that is registered."""
    measure: Function | None = None
    part: str = ""
    """Part of the course, such as "C7"; `benchbed course` shows the figures that have one."""
    takes_optimizers: bool = False
    """`draw` also draws optimizers that the suites do not name, such as those of `benchbed course -o`."""

    @property
    def suites(self) -> tuple[str, ...]:
        """Names of the suites; empty for a figure with `measure`."""
        return (self.suite,) if isinstance(self.suite, str) else self.suite or ()

    def __post_init__(self) -> None:
        """Check the source and the functions."""
        if bool(self.suites) == bool(self.measure):
            raise ValueError("a figure needs either a suite or a measure; give it one of them")
        if self.takes_optimizers and self.measure:
            raise ValueError("a figure with a measure takes no optimizers; leave out takes_optimizers")
        for field, function in (("draw", self.draw), ("measure", self.measure)):
            is_path = isinstance(function, str) and _IMPORT_PATH.fullmatch(function)
            if function is not None and not (callable(function) or is_path):
                raise ValueError(
                    f"its {field} is {function!r}; give a function, or its path 'package.module:function'"
                )


def function_of(function: Function) -> Callable[..., Any]:
    """Return a function, imported if only its path is given."""
    imported: Callable[..., Any] = resolve_name(function) if isinstance(function, str) else function
    return imported
