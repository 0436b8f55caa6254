"""Breakpoints of shallow ReLU networks: at the start, after training, and of the best piecewise linear fits."""

from typing import NamedTuple

import numpy as np
import torch

from benchbed import Study, evaluation_instances
from benchbed.interfaces import TrialStatus
from benchbed_course.figures.trials import Trial, trials_of, typical
from benchbed_problems.shallow_network import ShallowNetwork

BENDING_SHARE = 0.8
"""Share of the target's bending that the middle part of the interval contains."""
CELLS = 20_000
"""Cells of the interval for numerical integration."""


class NetworkTrials(NamedTuple):
    """The trials of one network with one optimizer."""

    problem: ShallowNetwork
    rate: float | None
    """Learning rate of the optimizer, if it has one."""
    trials: list[Trial]
    starts: torch.Tensor  # [seeds, parameters], float64

    @property
    def optimizer(self) -> str:
        """The selector of the optimizer."""
        return self.trials[0].optimizer

    @property
    def ends(self) -> torch.Tensor:
        """The parameters at the end, `[seeds, parameters]`."""
        return torch.from_numpy(np.stack([trial.theta for trial in self.trials]))


class InnerBreakpoints(NamedTuple):
    """The breakpoints of all seeds inside [0, 1], before and after training, and their number anywhere."""

    before: np.ndarray
    after: np.ndarray
    total: int


def network_trials(study: Study) -> list[NetworkTrials]:
    """Group the trials of a study by network and optimizer, in the suite's order."""
    plans = {problem.label: problem for problem in study.plan.problems}
    trials = trials_of(study)
    groups = []
    for label, optimizer in dict.fromkeys((trial.problem, trial.optimizer) for trial in trials):
        group = [trial for trial in trials if (trial.problem, trial.optimizer) == (label, optimizer)]
        problem = ShallowNetwork(**plans[label].parameters)
        seeds = [trial.seed for trial in group]
        starts = evaluation_instances(problem, plans[label].name, seeds, study.plan.study_seed).start
        groups.append(NetworkTrials(problem, group[0].setting.get("learning_rate"), group, starts))
    return groups


def better(runs: list[NetworkTrials]) -> NetworkTrials:
    """Return the trials of the optimizer whose final median loss is lowest; NaN ranks last."""
    return min(runs, key=lambda networks: np.nan_to_num(median_loss(networks), nan=np.inf))


def median_loss(networks: NetworkTrials) -> float:
    """Return the lower median of the final losses."""
    return float(typical(networks.trials).loss[-1])


def inner_breakpoints(networks: NetworkTrials) -> InnerBreakpoints:
    """Return the breakpoints that lie in the interval of the data."""
    before, after = (
        networks.problem.breakpoints(theta).flatten().numpy() for theta in (networks.starts, networks.ends)
    )
    return InnerBreakpoints(before[is_inside(before)], after[is_inside(after)], after.size)


def is_inside(breakpoints: np.ndarray) -> np.ndarray:
    """Return which breakpoints lie in [0, 1]; False for NaN."""
    return (breakpoints >= 0) & (breakpoints <= 1)


def kink_error(networks: NetworkTrials) -> float:
    """Return the largest difference between the networks and their sums of kinks on the test points, in float64.

    Trials that diverged are left out; the result is 0 if there are no others.
    """
    stable = [trial for trial in networks.trials if trial.status != TrialStatus.DIVERGED]
    if not stable:
        return 0.0
    ends, x = networks._replace(trials=stable).ends, networks.problem.shared_data().test_x
    predictions = networks.problem.predict(ends, x)
    return float((networks.problem.kinks(ends).at(x.squeeze(-1)) - predictions).abs().max())


def bending(x: np.ndarray) -> np.ndarray:
    """Compute the absolute second derivative of 1/(1 + 25z²), z = 2x − 1, with respect to x."""
    z = 2 * x - 1
    return np.asarray(np.abs(200 * (75 * z**2 - 1)) / (1 + 25 * z**2) ** 3)


def best_density(x: np.ndarray) -> np.ndarray:
    """Compute the density of the breakpoints of the best piecewise linear fits, for many breakpoints.

    On pieces of length h the squared error is of the order |y''|² h⁴. For a given number of pieces, which is the
    integral of 1/h, the error's integral is least where h⁵ is inverse to |y''|², so that the density of breakpoints,
    1/h, is proportional to |y''|^(2/5).

    Source: D. L. Barrow and P. W. Smith (1978), Asymptotic properties of best L₂[0, 1] approximation by splines with
    variable knots, Quarterly of Applied Mathematics 36, 293-304.
    """
    return np.asarray(bending(x) ** 0.4 / (bending(_midpoints()) ** 0.4).mean())


def bent_interval() -> tuple[float, float]:
    """Return the part of [0, 1] around the peak that contains `BENDING_SHARE` of the target's bending."""
    midpoints = _midpoints()
    outwards = np.argsort(np.abs(midpoints - 0.5), kind="stable")
    cumulative = np.cumsum(bending(midpoints)[outwards])
    last_cell = outwards[np.searchsorted(cumulative, BENDING_SHARE * cumulative[-1])]
    half_width = np.abs(midpoints[last_cell] - 0.5)
    return float(0.5 - half_width), float(0.5 + half_width)


def share_in(breakpoints: np.ndarray, interval: tuple[float, float]) -> float:
    """Return the share of the breakpoints in an interval; NaN without breakpoints."""
    is_in = (breakpoints >= interval[0]) & (breakpoints <= interval[1])
    return float(is_in.mean()) if breakpoints.size else np.nan


def _midpoints() -> np.ndarray:
    return (np.arange(CELLS) + 0.5) / CELLS
