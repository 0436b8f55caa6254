"""Objectives of two-dimensional problems on a grid, computed when a report first draws one."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from benchbed.catalog.lookup import Catalog
from benchbed.engine import objective_at, solution_of
from benchbed.errors import BenchbedError
from benchbed.interfaces import MEASURED_STATUSES, Results, Surface
from benchbed.plan import Plan, ProblemPlan
from benchbed.seeds import InstanceSeed

GRID = 121
"""Points of a surface along each axis."""
MARGIN = 0.3
"""Distance shown beyond the start, as a share of its distance from the minimizer."""


class Surfaces(Mapping[str, Surface]):
    """The surfaces of all two-dimensional problems that are installed, around the paths of trials, by label.

    A problem that raises, hangs or exits costs only the piece of a report that asks for its surface.
    """

    def __init__(self, plan: Plan, results: Results, catalog: Catalog) -> None:
        self._plan, self._results, self._catalog = plan, results, catalog
        self._surfaces: dict[str, Surface] = {}
        self._problems = {
            problem.label: problem
            for problem in plan.problems
            if problem.dimension == 2 and _is_installed(problem, catalog)
        }

    def __getitem__(self, label: str) -> Surface:
        """Return the surface of a problem. Raises: KeyError, or any exception of the problem."""
        if label not in self._surfaces:
            self._surfaces[label] = _surface(self._plan, self._problems[label], self._results, self._catalog)
        return self._surfaces[label]

    def __contains__(self, label: object) -> bool:
        """Return whether a problem has a surface, without computing it."""
        return label in self._problems

    def __iter__(self) -> Iterator[str]:
        """Iterate over the labels."""
        return iter(self._problems)

    def __len__(self) -> int:
        """Count the problems."""
        return len(self._problems)


def _is_installed(problem: ProblemPlan, catalog: Catalog) -> bool:
    try:
        catalog.entry("problems", problem.name)
    except BenchbedError:
        return False
    return True


def _surface(plan: Plan, problem_plan: ProblemPlan, results: Results, catalog: Catalog) -> Surface:
    trials = results.outcomes.query("problem == @problem_plan.label and seed == 0")
    measured = trials["trial_key"][trials["status"].isin(MEASURED_STATUSES)]
    curves = results.curves[results.curves["trial_key"].isin(trials["trial_key"])]
    paths = curves[curves["trial_key"].isin(measured) | (curves["calls"] == 0)]
    seed = InstanceSeed(plan.study_seed, problem_plan.name, "evaluation", 0)
    problem = catalog.problem(problem_plan.name, problem_plan.parameters)
    try:
        optimum, minimizer = solution_of(problem, seed)
    except Exception:  # noqa: BLE001 (a plugin may raise anything; the plot has no mark at the minimizer then)
        optimum = minimizer = None
    x, y = (np.linspace(low, high, GRID) for low, high in _bounds(paths, minimizer).tolist())
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    objective = objective_at(problem, seed, grid.reshape(-1, 2)).reshape(len(y), len(x))
    point = None if minimizer is None else (float(minimizer[0]), float(minimizer[1]))
    return Surface(x, y, objective, optimum, point)


def _bounds(paths: pd.DataFrame, minimizer: np.ndarray | None) -> np.ndarray:
    """Return the bounds `[2 axes, low and high]` of a square around start and minimizer; paths may leave it.

    If the minimizer is known, only the starts of the paths count: a single far excursion would shrink the rest.
    """
    points = paths[["theta_0", "theta_1"]].to_numpy(dtype=float)
    starts = points[paths["calls"].to_numpy() == 0]
    if minimizer is None:
        typical = np.nanquantile(points, [0.1, 0.9], axis=0) if len(points) else np.array([[-1.0], [1.0]])
        low, high = (bound(np.concatenate([typical, starts]), axis=0) for bound in (np.min, np.max))
        center, reach = (low + high) / 2, float((high - low).max()) / 2
    else:
        center, reach = minimizer, float(np.abs(starts - minimizer).max(initial=0.0))
    half_width = (reach or 1.0) * (1 + MARGIN)
    return np.stack([center - half_width, center + half_width], axis=1)
