"""Coverage of the intervals, power of the comparisons, and their false positives.

`python benchmarks/coverage.py [--studies 10000] [--seed N] [--format json]`. Everything is simulated with 20 seeds: the
calls of a trial to eight targets are 10 … 300 calls times a random factor, within a budget of 1 000 calls. The true
value is an integral over the distribution of the factor. The tests of benchbed.analysis contain a small version. The
exit status is 1 if a figure is outside the bounds of the protocol.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy import stats

from benchbed.analysis.intervals import bootstrap_limits, median_ranks
from benchbed.analysis.pairwise_tests import Comparison, compare
from benchbed.analysis.strata import samples_of
from benchbed.checkpoints import checkpoint_calls
from benchbed.tuning.outcomes import trial_scores

BUDGET = 1000
SEEDS = 20
ENTRANTS = 7
TARGET_CALLS = np.geomspace(10, 300, 8)
CHECKPOINTS = np.array([*checkpoint_calls(BUDGET), math.inf])
PORTION = 500
"""Studies simulated at once: 500 × 2 000 resampled means are 8 MB."""
QUANTILES = (np.arange(200_000) + 0.5) / 200_000
"""Quantiles at which the integrals are evaluated; their error is a thousandth of the width of an interval."""


class Figure(NamedTuple):
    """A measured share and the bounds of the protocol."""

    name: str
    share: float
    studies: int
    low: float = 0.0
    high: float = 1.0

    @property
    def is_within_bounds(self) -> bool:
        """Whether the share is within its bounds."""
        return self.low <= self.share <= self.high


class Law(NamedTuple):
    """Distribution of the slowness of a trial relative to the median; a share of trials reaches no target."""

    quantile: Callable[[np.ndarray], np.ndarray]
    never: float = 0.0

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Draw trials."""
        reaching = generator.random(shape) >= self.never
        return np.where(reaching, self.quantile(generator.random(shape)), np.inf)

    def mean_score(self) -> float:
        """Compute the expected score."""
        return float((1 - self.never) * scores(self.quantile(QUANTILES)).mean())


LOGNORMAL = stats.lognorm(1).ppf
PARETO = stats.pareto(1).ppf
FOUR = (Law(LOGNORMAL), Law(LOGNORMAL, 0.3), Law(LOGNORMAL, 0.46), Law(PARETO))
SCORES: dict[str, tuple[tuple[Law, ...], float, float]] = {
    "lognormal": ((Law(LOGNORMAL),), 0.93, 0.97),
    "30 % never": ((Law(LOGNORMAL, 0.3),), 0.93, 0.97),
    "46 % never": ((Law(LOGNORMAL, 0.46),), 0.93, 0.97),
    "four problems together": (FOUR, 0.93, 0.97),
    "Pareto(1)": ((Law(PARETO),), 0.91, 1.0),
    "10 % never": ((Law(LOGNORMAL, 0.1),), 0.0, 1.0),
    "90 % never": ((Law(LOGNORMAL, 0.9),), 0.0, 1.0),
}
"""Distributions and the bounds of their coverage; the last two are reported without bounds."""


def scores(slowness: np.ndarray) -> np.ndarray:
    """Compute the scores of trials from their slowness."""
    return trial_scores(np.maximum(1.0, slowness[..., None] * TARGET_CALLS), BUDGET)


def at_checkpoints(calls: np.ndarray) -> np.ndarray:
    """Round calls up to the next checkpoint; +∞ above the budget."""
    return CHECKPOINTS[np.searchsorted(CHECKPOINTS, calls)]


def coverage_of_calls(generator: np.random.Generator, studies: int) -> Iterator[Figure]:
    """Yield the coverage of the interval of the median calls."""
    low, high, _ = median_ranks(SEEDS)
    median = 53.0  # between two checkpoints
    calls = np.sort(median * Law(LOGNORMAL).draw(generator, (studies, SEEDS)))
    for name, sample, truth, high_bound in (
        ("exact", calls, median, 0.97),
        ("at checkpoints", at_checkpoints(calls), at_checkpoints(np.array(median)), 1.0),
        ("60 % never", np.sort(Law(LOGNORMAL, 0.6).draw(generator, calls.shape)), np.inf, 1.0),
    ):
        covered = (sample[:, low - 1] <= truth) & (truth <= sample[:, high - 1])
        yield Figure(f"coverage of calls, {name}", float(covered.mean()), studies, 0.95, high_bound)


def coverage_of_scores(generator: np.random.Generator, studies: int) -> Iterator[Figure]:
    """Yield the coverage of the interval of the mean score."""
    for name, (laws, low_bound, high_bound) in SCORES.items():
        truth = np.mean([law.mean_score() for law in laws])
        covered = 0
        for begin in range(0, studies, PORTION):
            shape = (min(PORTION, studies - begin), SEEDS)
            low, high = bootstrap_limits(samples_of([scores(law.draw(generator, shape)) for law in laws]))
            covered += int(((low <= truth) & (truth <= high)).sum())
        yield Figure(f"coverage of scores, {name}", covered / studies, studies, low_bound, high_bound)


def compared(
    generator: np.random.Generator, speedup: float, ratio_sd: float, paired: bool
) -> list[Comparison]:
    """Simulate and compare seven entrants on one problem, of which the first is faster."""
    slowness = 0.5 * generator.normal(size=(1 if paired else ENTRANTS, SEEDS))
    slowness = slowness + ratio_sd / math.sqrt(2) * generator.normal(size=(ENTRANTS, SEEDS))
    slowness[0] -= math.log(speedup)
    return compare({str(entrant): [row] for entrant, row in enumerate(scores(np.exp(slowness)))})


def significance(generator: np.random.Generator, studies: int) -> Iterator[Figure]:
    """Yield the power for a faster entrant, and the share of false positives among seven equal ones."""
    for ratio_sd in (0.0, 0.1, 0.2, 0.3, 0.5):
        significant = [compared(generator, 1.3, ratio_sd, True)[0].is_apart for _ in range(studies // 10)]
        least = 0.9 if ratio_sd == 0.2 else 0.0
        name = f"power at 1.3 times fewer calls, log-ratio sd {ratio_sd}"
        yield Figure(name, float(np.mean(significant)), len(significant), least)
    for name, ratio_sd, paired in (
        ("seven equal optimizers, any significant pair, different seeds", 0.0, False),
        ("seven equal optimizers, any significant pair, paired, log-ratio sd 0.2", 0.2, True),
    ):
        wrong = [
            any(comparison.is_apart for comparison in compared(generator, 1.0, ratio_sd, paired))
            for _ in range(studies)
        ]
        yield Figure(name, float(np.mean(wrong)), studies, 0.0, 0.065)


def main() -> None:
    """Print all figures, and exit with status 1 if one is outside its bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    figures = []
    for measure in (coverage_of_calls, coverage_of_scores, significance):
        for figure in measure(np.random.default_rng(arguments.seed), arguments.studies):
            figures.append(figure)
            if arguments.format == "text":
                bounds = f"{100 * figure.low:g}–{100 * figure.high:g} %"
                remark = "" if figure.is_within_bounds else "  OUTSIDE"
                print(
                    f"{figure.name:<66} {100 * figure.share:6.2f} % of {figure.studies:>6}  ({bounds}){remark}"
                )
    seconds = time.perf_counter() - begun
    if arguments.format == "json":
        rows = [{**figure._asdict(), "is_within_bounds": figure.is_within_bounds} for figure in figures]
        print(json.dumps({"figures": rows, "seed": arguments.seed, "seconds": seconds}, indent=2))
    else:
        print(f"{seconds:.0f} s; a share p of n studies has a standard error of √(p(1−p)/n)")
    sys.exit(0 if all(figure.is_within_bounds for figure in figures) else 1)


if __name__ == "__main__":
    main()
