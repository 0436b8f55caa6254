"""Count the trials that leave the local valley of the quartic, and give the probability that they do."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from benchbed import Study
from benchbed_course.figures.intervals import success_interval
from benchbed_course.figures.trials import Trial, trials_of
from benchbed_problems.quartic import Quartic, ridge

_REACH, _CELLS = 3.2, 641
"""Where the exact shares are computed: no trial of these figures leaves it, and a cell is much finer than a step."""


class Row(NamedTuple):
    """What the trials of one start came to."""

    start: float
    gd: Trial
    sgd: list[Trial]

    @property
    def escaped(self) -> int:
        """Number of seeds that end in the global valley with SGD."""
        return sum(ends_in_global_valley(trial) for trial in self.sgd)

    @property
    def share(self) -> float:
        """The same as a share of the seeds."""
        return self.escaped / len(self.sgd)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        return success_interval(self.escaped, len(self.sgd))


def rows_of(study: Study) -> list[Row]:
    """Group the trials of a study by start, in the suite's order."""
    trials = trials_of(study)
    rows = []
    for problem in dict.fromkeys(trial.problem for trial in trials):
        mine = [trial for trial in trials if trial.problem == problem]
        (gd,) = (trial for trial in mine if trial.name == "gd")
        rows.append(Row(float(gd.path[0, 0]), gd, [trial for trial in mine if trial.name == "sgd"]))
    return rows


def noise_of(study: Study) -> float:
    """Give the standard deviation of the gradient noise, which all problems of these suites share."""
    (noise,) = {Quartic(**problem.parameters).gradient_noise for problem in study.plan.problems}
    return noise


def ends_in_global_valley(trial: Trial) -> bool:
    """Tell whether a trial ends left of the ridge; one that diverged ends in no valley."""
    return trial.status != "diverged" and bool(trial.theta[0] < ridge())


def representatives(trials: list[Trial]) -> list[Trial]:
    """Choose the first seed that ends in the global valley and the first that does not, where there are such."""
    firsts = (
        next((t for t in trials if ends_in_global_valley(t) is escapes), None) for escapes in (True, False)
    )
    return [trial for trial in firsts if trial is not None]


def stationary_points() -> tuple[float, float, float]:
    """Give the global minimum, the ridge and the local minimum: the roots of 4θ³ − 6θ + 1, in order."""
    low, middle, high = sorted(float(root.real) for root in np.roots([4, 0, -6, 1]))
    return low, middle, high


def shares_by_step(trials: list[Trial]) -> tuple[np.ndarray, np.ndarray]:
    """Give the checkpoints' steps, `[checkpoints]`, and the share of the trials that is left of the ridge at each."""
    calls = max((trial.calls for trial in trials), key=len)
    at = [np.searchsorted(trial.calls, calls, side="right") - 1 for trial in trials]
    inside = [
        (trial.path[index, 0] < ridge()) & (trial.status != "diverged")
        for trial, index in zip(trials, at, strict=True)
    ]
    return calls, np.mean(inside, axis=0)


def exact_shares(rate: float, noise: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Give starts `[starts]`, and the probabilities to be left of the ridge after n steps, `[steps + 1, starts]`.

    A step from x is normal around x − η L'(x) with standard deviation ησ, so that the probability u obeys
    u(n+1, x) = ∫ p(x, y) u(n, y) dy, where u(1, x) is known in closed form. On an even grid the trapezoidal sum of such
    smooth integrands is exact up to rounding, as long as a cell is small beside ησ.

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
