"""The course as a plugin: its suites, its figures, differentiation by dual numbers, and the command `benchbed course`.

The hooks import what they register: `benchbed --help` imports this module and must not import torch.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchbed.hookspecs import hookimpl

if TYPE_CHECKING:
    from benchbed.interfaces import Figure, Gradient


@hookimpl
def register_suites(register: Callable[[Path], None]) -> None:
    """Register the suites that the figures are drawn from."""
    for suite in sorted((Path(__file__).parent / "suites").glob("*.toml")):
        register(suite)


@hookimpl
def register_figures(register: "Callable[[Figure], None]") -> None:
    """Register the figures of the course."""
    from benchbed_course.figure_list import FIGURES

    for figure in FIGURES:
        register(figure)


@hookimpl
def register_gradients(register: "Callable[[Gradient], None]") -> None:
    """Register forward mode by dual numbers."""
    from benchbed_course.dual import dual

    register(dual)
