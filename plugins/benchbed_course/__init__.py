"""The course as a plugin: its suites and its figures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Figure
from benchbed_course.figure_list import FIGURES


@hookimpl
def register_suites(register: Callable[[Any], None]) -> None:
    """Register the suites that the figures are drawn from."""
    for suite in sorted((Path(__file__).parent / "suites").glob("*.toml")):
        register(suite)


@hookimpl
def register_figures(register: Callable[[Figure], None]) -> None:
    """Register the figures of the course."""
    for figure in FIGURES:
        register(figure)
