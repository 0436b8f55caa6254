"""Measure how often intervals cover, faster rules are told apart, and like ones wrongly are.

`python benchmarks/coverage.py [--studies 10000] [--seed N] [--format json]`. Everything is simulated at 20 seeds: the
calls of a trial to eight targets are common multiples of 10 … 300 calls, within a budget of 1 000 calls. What the
intervals should cover is an integral over the distribution that was drawn from. The small version of this is among
the tests of benchbed.analysis. It ends with status 1 if a figure is outside what the protocol promises.
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
from benchbed.checkpoints import checkpoint_calls
from benchbed.tuning.scores import trial_scores

BUDGET = 1000
SEEDS = 20
ENTRANTS = 7
TARGET_CALLS = np.geomspace(10, 300, 8)
CHECKPOINTS = np.array([*checkpoint_calls(BUDGET), math.inf])
PORTION = 500
"""Studies simulated at once: 500 × 2 000 resampled means are 8 MB."""
PLACES = (np.arange(200_000) + 0.5) / 200_000
"""Where the integrals are evaluated, as quantiles: their error is a thousandth of an interval's width."""


class Figure(NamedTuple):
    """A share that was measured, and the bounds that the protocol sets it."""

    name: str
    share: float
    studies: int
    low: float = 0.0
    high: float = 1.0

    @property
    def is_kept(self) -> bool:
        """Whether the share is within its bounds."""
        return self.low <= self.share <= self.high


class Law(NamedTuple):
    """How many times slower than the median trial one is; some never reach any target."""

    quantile: Callable[[np.ndarray], np.ndarray]
    never: float = 0.0

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Draw trials."""
        reaching = generator.random(shape) >= self.never
        return np.where(reaching, self.quantile(generator.random(shape)), np.inf)

    def mean_score(self) -> float:
        """Give the mean score of all trials there could be."""
        return float((1 - self.never) * scores(self.quantile(PLACES)).mean())


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
"""What is drawn, and the bounds of its coverage: the last two are reported, not bounded."""


def scores(slowness: np.ndarray) -> np.ndarray:
    """Score trials by how many times the usual calls they need."""
    return trial_scores(np.maximum(1.0, slowness[..., None] * TARGET_CALLS), BUDGET)


def at_checkpoints(calls: np.ndarray) -> np.ndarray:
    """Round calls up to the next checkpoint; beyond the budget a target is never reached."""
    return CHECKPOINTS[np.searchsorted(CHECKPOINTS, calls)]


def coverage_of_calls(generator: np.random.Generator, studies: int) -> Iterator[Figure]:
    """Yield how often the interval of the median calls covers it."""
    low, high, _ = median_ranks(SEEDS)
    median = 53.0  # between two checkpoints
    calls = np.sort(median * Law(LOGNORMAL).draw(generator, (studies, SEEDS)))
    for name, drawn, truth, most in (
        ("exact", calls, median, 0.97),
        ("at checkpoints", at_checkpoints(calls), at_checkpoints(np.array(median)), 1.0),
        ("60 % never", np.sort(Law(LOGNORMAL, 0.6).draw(generator, calls.shape)), np.inf, 1.0),
    ):
        covered = (drawn[:, low - 1] <= truth) & (truth <= drawn[:, high - 1])
        yield Figure(f"coverage of calls, {name}", float(covered.mean()), studies, 0.95, most)


def coverage_of_scores(generator: np.random.Generator, studies: int) -> Iterator[Figure]:
    """Yield how often the interval of the mean score covers it."""
    for name, (laws, least, most) in SCORES.items():
        truth = np.mean([law.mean_score() for law in laws])
        covered = 0
        for begin in range(0, studies, PORTION):
            shape = (min(PORTION, studies - begin), SEEDS)
            low, high = bootstrap_limits([scores(law.draw(generator, shape)) for law in laws])
            covered += int(((low <= truth) & (truth <= high)).sum())
        yield Figure(f"coverage of scores, {name}", covered / studies, studies, least, most)


def compared(
    generator: np.random.Generator, speedup: float, ratio_sd: float, paired: bool
) -> list[Comparison]:
    """Simulate a study of seven entrants on one problem, the first of them faster, and compare them."""
    slowness = 0.5 * generator.normal(size=(1 if paired else ENTRANTS, SEEDS))
    slowness = slowness + ratio_sd / math.sqrt(2) * generator.normal(size=(ENTRANTS, SEEDS))
    slowness[0] -= math.log(speedup)
    return compare({str(entrant): [row] for entrant, row in enumerate(scores(np.exp(slowness)))})


def verdicts(generator: np.random.Generator, studies: int) -> Iterator[Figure]:
    """Yield how often the faster of two is told apart, and how often any of seven like ones are."""
    for ratio_sd in (0.0, 0.1, 0.2, 0.3, 0.5):
        found = [compared(generator, 1.3, ratio_sd, True)[0].is_apart for _ in range(studies // 10)]
        least = 0.9 if ratio_sd == 0.2 else 0.0
        name = f"power at 1.3 times fewer calls, log-ratio sd {ratio_sd}"
        yield Figure(name, float(np.mean(found)), len(found), least)
    for name, ratio_sd, paired in (
        ("seven like rules told apart (any pair), other seeds", 0.0, False),
        ("seven like rules told apart (any pair), paired, log-ratio sd 0.2", 0.2, True),
    ):
        wrong = [
            any(one.is_apart for one in compared(generator, 1.0, ratio_sd, paired)) for _ in range(studies)
        ]
        yield Figure(name, float(np.mean(wrong)), studies, 0.0, 0.065)


def main() -> None:
    """Measure everything, print it, and say whether the protocol's promises are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    figures = []
    for measure in (coverage_of_calls, coverage_of_scores, verdicts):
        for figure in measure(np.random.default_rng(arguments.seed), arguments.studies):
            figures.append(figure)
            if arguments.format == "text":
                bounds = f"{100 * figure.low:g}–{100 * figure.high:g} %"
                remark = "" if figure.is_kept else "  MISSED"
                print(
                    f"{figure.name:<66} {100 * figure.share:6.2f} % of {figure.studies:>6}  ({bounds}){remark}"
                )
    seconds = time.perf_counter() - begun
    if arguments.format == "json":
        rows = [{**figure._asdict(), "is_kept": figure.is_kept} for figure in figures]
        print(json.dumps({"figures": rows, "seed": arguments.seed, "seconds": seconds}, indent=2))
    else:
        print(f"{seconds:.0f} s; a share p of n studies has a standard error of √(p(1−p)/n)")
    sys.exit(0 if all(figure.is_kept for figure in figures) else 1)


if __name__ == "__main__":
    main()
