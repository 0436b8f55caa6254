"""Find the breakpoints of trained shallow networks, where they began, and where theory would have them."""

from typing import NamedTuple

import numpy as np
import torch

from benchbed import Study, evaluation_instances
from benchbed_course.figures.trials import Trial, trials_of
from benchbed_problems.shallow_network import ShallowNetwork

BENDING = 0.8
"""Share of the target's bending that the middle of the interval is made to hold."""
CELLS = 20_000
"""Into which the interval is cut to integrate over it."""


class Fits(NamedTuple):
    """The trials of one network at one learning rate."""

    problem: ShallowNetwork
    rate: float
    trials: list[Trial]
    starts: torch.Tensor  # [seeds, parameters], float64

    @property
    def ends(self) -> torch.Tensor:
        """The parameters at the end, `[seeds, parameters]`."""
        return torch.from_numpy(np.stack([trial.theta for trial in self.trials]))


class Placement(NamedTuple):
    """The breakpoints inside [0, 1] of all seeds, before training and after, and how many there are in all."""

    before: np.ndarray
    after: np.ndarray
    total: int


def fits_of(study: Study) -> list[Fits]:
    """Group the trials of a study by network and learning rate, in the suite's order."""
    planned, trials, found = {p.label: p for p in study.plan.problems}, trials_of(study), []
    for label, optimizer in dict.fromkeys((trial.problem, trial.optimizer) for trial in trials):
        mine = [trial for trial in trials if (trial.problem, trial.optimizer) == (label, optimizer)]
        problem = ShallowNetwork(**planned[label].parameters)
        seeds = [trial.seed for trial in mine]
        starts = evaluation_instances(problem, planned[label].name, seeds, study.plan.study_seed).start
        found.append(Fits(problem, mine[0].setting["learning_rate"], mine, starts))
    return found


def placement_of(fits: Fits) -> Placement:
    """Give the breakpoints that lie on the interval of the data."""
    before, after = (fits.problem.breakpoints(theta).flatten().numpy() for theta in (fits.starts, fits.ends))
    return Placement(before[is_inside(before)], after[is_inside(after)], after.size)


def is_inside(breakpoints: np.ndarray) -> np.ndarray:
    """Tell which breakpoints lie on [0, 1]; one that is nowhere, NaN, does not."""
    return (breakpoints >= 0) & (breakpoints <= 1)


def kink_error(fits: Fits) -> float:
    """Give the largest difference between the networks and their sums of kinks on the test points, in float64."""
    x = fits.problem.shared_data().test_x
    network = fits.problem.predict(fits.ends, x)
    return float((fits.problem.kinks(fits.ends).at(x.squeeze(-1)) - network).abs().max())


def bending(x: np.ndarray) -> np.ndarray:
    """Give the absolute second derivative of 1/(1 + 25z²), z = 2x − 1, with respect to x."""
    z = 2 * x - 1
    return np.asarray(np.abs(200 * (75 * z**2 - 1)) / (1 + 25 * z**2) ** 3)


def best_density(x: np.ndarray) -> np.ndarray:
    """Give the density of the breakpoints of the best piecewise linear fits, where there are many.

    On pieces of length h the squared error is of the order |y''|² h⁴. For a given number of pieces, which is the
    integral of 1/h, the error's integral is least where h⁵ is inverse to |y''|², so that the density of breakpoints,
    1/h, is in proportion to |y''|^(2/5).

    Source: D. L. Barrow and P. W. Smith (1978), Asymptotic properties of best L₂[0, 1] approximation by splines with
    variable knots, Quarterly of Applied Mathematics 36, 293-304.
    """
    return np.asarray(bending(x) ** 0.4 / (bending(_middles()) ** 0.4).mean())


def bent_part() -> tuple[float, float]:
    """Give the part of [0, 1] around the peak that holds `BENDING` of the target's bending."""
    middles = _middles()
    outwards = np.argsort(np.abs(middles - 0.5), kind="stable")
    held = np.cumsum(bending(middles)[outwards])
    reach = np.abs(middles[outwards[np.searchsorted(held, BENDING * held[-1])]] - 0.5)
    return float(0.5 - reach), float(0.5 + reach)


def share_in(breakpoints: np.ndarray, part: tuple[float, float]) -> float:
    """Give the share of the breakpoints that lies in a part of the interval; NaN if there is none."""
    return float(((breakpoints >= part[0]) & (breakpoints <= part[1])).mean()) if breakpoints.size else np.nan


def _middles() -> np.ndarray:
    return (np.arange(CELLS) + 0.5) / CELLS
