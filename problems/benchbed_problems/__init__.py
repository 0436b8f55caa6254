"""The built-in problems, one file each, and the suites of the presets."""

from collections.abc import Callable
from pathlib import Path

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Problem
from benchbed_problems.linear_regression import LinearRegression
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.runge import Runge
from benchbed_problems.shallow_network import ShallowNetwork
from benchbed_problems.toy_mean import ToyMean
from benchbed_problems.triangles import Triangles
from benchbed_problems.weighted_quartic import WeightedQuartic


@hookimpl
def register_problems(register: Callable[[type[Problem]], None]) -> None:
    """Register the problems, the simplest first."""
    for problem in (
        LinearRegression,
        ToyMean,
        Quadratic,
        Quartic,
        WeightedQuartic,
        Runge,
        ShallowNetwork,
        Triangles,
        PolynomialNetwork,
    ):
        register(problem)


@hookimpl
def register_suites(register: Callable[[Path], None]) -> None:
    """Register the suites of the presets."""
    folder = Path(__file__).parent / "suites"
    for preset in ("quick", "standard", "full"):
        register(folder / f"{preset}.toml")
