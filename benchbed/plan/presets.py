"""The numbers of each preset: seeds, the grid of learning rates, and the cap of a problem's budget."""

import math
from typing import NamedTuple

from benchbed.catalog.names import suggestion
from benchbed.errors import UsageError
from benchbed.interfaces import Problem

LOWEST_DECADE, HIGHEST_DECADE = -6, 2
"""The shared grid spans 10⁻⁶ to 10² (protocol, rule 6)."""


class Preset(NamedTuple):
    """The amount of work of a study."""

    evaluation_seeds: int
    tuning_seeds: int
    small_tuning_seeds: int
    """Tuning seeds of small problems, whose steps are cheap."""
    rates_per_decade: int
    extensions: int
    refinements: int
    search_points: int
    budget_cap: int | None


_STANDARD = Preset(
    evaluation_seeds=20,
    tuning_seeds=6,
    small_tuning_seeds=10,
    rates_per_decade=2,
    extensions=1,
    refinements=2,
    search_points=16,
    budget_cap=1_000,
)
PRESETS = {
    "quick": Preset(
        3, 2, 2, rates_per_decade=1, extensions=0, refinements=0, search_points=8, budget_cap=200
    ),
    "standard": _STANDARD,
    "full": _STANDARD._replace(rates_per_decade=4, extensions=2, search_points=64, budget_cap=None),
}


def preset_of(name: str) -> Preset:
    """Return a preset. Raises: UsageError if the name is unknown."""
    if name not in PRESETS:
        hint = suggestion(name, PRESETS) or f"; choose one of {', '.join(PRESETS)}"
        raise UsageError(f"unknown preset {name!r}{hint}")
    return PRESETS[name]


def budget_of(problem: Problem | type[Problem], preset: str) -> int:
    """Return the number of calls that a trial may spend on a problem."""
    cap = PRESETS[preset].budget_cap
    capped = problem.budget if cap is None else min(cap, problem.budget)
    return problem.preset_budgets.get(preset, capped)


def learning_rates(per_decade: int) -> tuple[float, ...]:
    """Return the shared logarithmic grid; 10⁻³ is exactly 0.001, so that a default on the grid is the same trial."""
    positions = range(LOWEST_DECADE * per_decade, HIGHEST_DECADE * per_decade + 1)
    return tuple(grid_rate(position, per_decade) for position in positions)


def grid_position(rate: float, per_decade: int) -> int:
    """Return the position of a rate of the grid."""
    return round(math.log10(rate) * per_decade)


def grid_rate(position: int, per_decade: int) -> float:
    """Return the learning rate at a position of the grid; position 0 is the rate 1."""
    return float(f"{10 ** (position / per_decade):.12g}")
