"""State what a figure is: a picture that a plugin draws from the study of a suite it brings along."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

Function = Callable[..., Any] | str
"""A function, or where to import it from: "package.module:function"."""

_NAMED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class Picture(NamedTuple):
    """A figure that has been drawn."""

    files: Mapping[str, bytes]
    """Contents by suffix: "png", "svg", and "gif" where it moves."""
    caption: str
    """What it shows and the numbers that were found, as plain text in whole sentences."""


@dataclass(frozen=True)
class Figure:
    """Describe a figure.

    `draw` takes a `benchbed.Study`, the finished study of `suite`, and gives a `Picture`; where `suite` is a tuple, it
    takes a study of each, in that order: optimizers that share a picture but not a budget. A figure about something
    that no study measures has `measure` in place of `suite`: a function without arguments, which runs while nothing
    else does and gives plain data (numbers, texts, lists, dicts); `draw` then takes that. Both may be named as
    "package.module:function", and are then imported only when they are called, as a plugin that is merely listed
    should not have to import what draws.

    Raises: ValueError where it says neither, both, or names no function.
    """

    name: str
    """Names its files."""
    title: str
    """What is shown, in a few words."""
    draw: Function
    suite: str | tuple[str, ...] | None = None
    """Name of a registered suite, or names of several; where one named `<suite>-full` is registered too, the preset
    `full` takes that."""
    measure: Function | None = None
    part: str = ""
    """The part of a course that it belongs to, such as "C7"; `benchbed course` shows those that have one."""

    @property
    def suites(self) -> tuple[str, ...]:
        """The names of its suites; none where it measures for itself."""
        return (self.suite,) if isinstance(self.suite, str) else self.suite or ()

    def __post_init__(self) -> None:
        """Refuse what could not be drawn."""
        if bool(self.suites) == bool(self.measure):
            raise ValueError("it has a suite and a measure, or neither; give it one of them to draw from")
        for what, function in (("draw", self.draw), ("measure", self.measure)):
            named = isinstance(function, str) and _NAMED.fullmatch(function)
            if function is not None and not (callable(function) or named):
                raise ValueError(
                    f"its {what} is {function!r}; give a function, or name one as 'package.module:function'"
                )


def function_of(function: Function) -> Callable[..., Any]:
    """Import a function that is only named."""
    if not isinstance(function, str):
        return function
    module, _, name = function.partition(":")
    named: Callable[..., Any] = getattr(import_module(module), name)
    return named
