"""Escapes from the local valley of the quartic: counts of trials, and exact probabilities."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from benchbed import Study
from benchbed.interfaces import TrialStatus
from benchbed.plotting import LineStyle
from benchbed_course.figures.intervals import success_interval
from benchbed_course.figures.optimizers import first_named, looks_of, others
from benchbed_course.figures.trials import Trial, trials_of
from benchbed_problems.quartic import Quartic, ridge

_REACH, _CELLS = 3.2, 641
"""Grid of the exact shares: the trials of these figures stay on it, and a cell is much smaller than a step."""


class StartTrials(NamedTuple):
    """The trials from one start."""

    start: float
    gd: Trial
    sgd: list[Trial]
    others: tuple[list[Trial], ...] = ()
    """The trials of each added optimizer."""

    @property
    def escaped(self) -> int:
        """Number of seeds that end in the global valley with SGD."""
        return escapes(self.sgd)[0]

    @property
    def share(self) -> float:
        """Share of the seeds that end in the global valley with SGD."""
        return self.escaped / len(self.sgd)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        return escapes(self.sgd)[1]


class Deviation(NamedTuple):
    """A difference between a measured share and its probability."""

    standard_errors: float
    start: float
    step: int


def trials_by_start(study: Study) -> list[StartTrials]:
    """Group the trials of a study by start, in the suite's order."""
    trials = trials_of(study)
    groups = []
    for problem in dict.fromkeys(trial.problem for trial in trials):
        group = [trial for trial in trials if trial.problem == problem]
        gd, sgd = first_named(group, "gd")[0], first_named(group, "sgd")
        groups.append(StartTrials(float(gd.path[0, 0]), gd, sgd, tuple(others(group, gd, sgd[0]).values())))
    return groups


def noise_of(study: Study) -> float:
    """Return the standard deviation of the gradient noise, which all problems of these suites share."""
    (noise,) = {Quartic(**problem.parameters).gradient_noise for problem in study.plan.problems}
    return noise


def ends_in_global_valley(trial: Trial) -> bool:
    """Return whether a trial ends left of the ridge; a trial that diverged ends in no valley."""
    return trial.status != TrialStatus.DIVERGED and bool(trial.theta[0] < ridge())


def escapes(trials: list[Trial]) -> tuple[int, tuple[float, float]]:
    """Count the trials that end in the global valley; return the number and the interval of the share."""
    count = sum(map(ends_in_global_valley, trials))
    return count, success_interval(count, len(trials))


def representatives(trials: list[Trial]) -> list[Trial]:
    """Return the first seed that ends in the global valley and the first that does not, if there are such seeds."""
    firsts = (
        next((trial for trial in trials if ends_in_global_valley(trial) is escapes), None)
        for escapes in (True, False)
    )
    return [trial for trial in firsts if trial is not None]


def stationary_points() -> tuple[float, float, float]:
    """Return the global minimum, the ridge and the local minimum: the roots of 4θ³ − 6θ + 1, in order."""
    low, middle, high = sorted(float(root.real) for root in np.roots([4, 0, -6, 1]))
    return low, middle, high


def shares_by_step(trials: list[Trial]) -> tuple[np.ndarray, np.ndarray]:
    """Return the checkpoints' steps and the share of the trials left of the ridge at each, both `[checkpoints]`."""
    calls = max((trial.calls for trial in trials), key=len)
    is_left = []
    for trial in trials:
        indices = np.searchsorted(trial.calls, calls, side="right") - 1
        is_left.append((trial.path[indices, 0] < ridge()) & (trial.status != TrialStatus.DIVERGED))
    return calls, np.mean(is_left, axis=0)


def looks_of_groups(groups: list[StartTrials]) -> dict[str, LineStyle]:
    """Return the look of each optimizer, by its selector."""
    trials = [
        trial
        for group in groups
        for trial in (group.gd, group.sgd[0], *(others[0] for others in group.others))
    ]
    return looks_of(trials)


def divergence_clause(trials: list[Trial]) -> str:
    """Count the trials that diverged, as an addition to a sentence; return "" if there are none."""
    count = sum(trial.status == TrialStatus.DIVERGED for trial in trials)
    return f"; {count} of {len(trials)} trials diverged, and count as ending in no valley" if count else ""


def percent(share: float) -> str:
    """Format a share with one decimal."""
    return f"{100 * share:.1f} %"


def exact_shares(rate: float, noise: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute probabilities of being left of the ridge: starts `[starts]`, probabilities `[steps + 1, starts]`.

    A step from x is normal around x − η L'(x) with standard deviation ησ, so the probability u after n + 1 steps obeys
    u(n+1, x) = ∫ p(x, y) u(n, y) dy, where u(1, x) has a closed form. On an even grid the trapezoidal sum of such
    smooth integrands is exact up to rounding, as long as a cell is small compared with ησ.

    Source: the backward Chapman–Kolmogorov equation; the accuracy: Trefethen & Weideman (2014), The exponentially
    convergent trapezoidal rule, https://doi.org/10.1137/130932132.
    """
    grid, cell = np.linspace(-_REACH, _REACH, _CELLS, retstep=True)
    mean, deviation = grid - rate * (4 * grid**3 - 6 * grid + 1), rate * noise
    moves = np.exp(-0.5 * ((grid - mean[:, None]) / deviation) ** 2) * cell / (deviation * np.sqrt(2 * np.pi))
    shares = [(grid < ridge()).astype(float), ndtr((ridge() - mean) / deviation)]
    while len(shares) <= steps:
        shares.append(moves @ shares[-1])
    return grid, np.array(shares[: steps + 1])


def largest_deviation(groups: list[StartTrials], grid: np.ndarray, shares: np.ndarray) -> Deviation:
    """Find the largest difference between measured and exact shares, in standard errors, after the first step.

    Probabilities below 1 / seeds are left out: such counts are too small for a standard error.
    """
    deviations = []
    for group in groups:
        calls, measured = shares_by_step(group.sgd)
        for step, share in zip(calls[1:].astype(int), measured[1:], strict=True):
            exact = float(np.interp(group.start, grid, shares[step]))
            seeds = len(group.sgd)
            if 1 / seeds <= exact <= 1 - 1 / seeds:
                error = abs(share - exact) / np.sqrt(exact * (1 - exact) / seeds)
                deviations.append(Deviation(float(error), group.start, int(step)))
    return max(deviations)
