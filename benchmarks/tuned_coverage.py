"""Coverage of tuned intervals, and false alarms of tests of tuned scores, on a bank of real trials.

`python benchmarks/tuned_coverage.py [-p PROBLEM] [--steps N] [--bank 300] [--studies 300]`. Every rate of the standard
grid runs once on many seeds; studies are then drawn from this bank: tuning seeds that choose the rate, and 20
evaluation seeds. The true score of an optimizer is its mean over the choices of many tunings. False alarms are tests
of two optimizers at the difference of their true scores. The exit status is 1 if a figure is outside its bounds.
"""

import argparse
import itertools
import os
import sys
from typing import NamedTuple

import msgspec
import numpy as np
from selection import trials_of

from benchbed.analysis.intervals import bootstrap_limits
from benchbed.analysis.paired_tests import Selection, paired_t_test
from benchbed.analysis.pairwise_tests import SIGNIFICANT
from benchbed.analysis.selection_shifts import shifts_of
from benchbed.analysis.strata import Sampling, samples_of
from benchbed.catalog.loading import load_catalog
from benchbed.plan import Plan, Request, complete_request, make_plan
from benchbed.runner.task import Task, run_task

OPTIMIZERS = ("sgd", "momentum", "rmsprop", "adam")
EVALUATION_SEEDS = 20
COVERAGE, ALARMS = (0.93, 0.97), (0.03, 0.07)


class Bank(NamedTuple):
    """Scores of every rate of the grid of an optimizer, `[rates, seeds]`, and the strata of the starts."""

    scores: np.ndarray
    strata: int

    def draw(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Draw seeds of a study, in the strata of their numbers."""
        strata = np.arange(count) % self.strata
        return strata + self.strata * generator.integers(0, self.scores.shape[1] // self.strata, count)

    def choose(self, seeds: np.ndarray) -> int:
        """Return the rate with the highest mean score on these tuning seeds."""
        return int(np.argmax(np.round(self.scores[:, seeds].mean(axis=1), 12)))


def fill(plan: Plan, optimizer: str, seeds: int) -> Bank:
    """Run the whole grid of an optimizer."""
    pairing = next(each for each in plan.pairings() if each.entrants[0].label == optimizer)
    (entrant,) = pairing.entrants
    settings = [entrant.at(rate) for rate in plan.rates]
    batch = plan.batch(pairing, settings, "evaluation", range(seeds))
    bare = msgspec.structs.replace(plan, problems=(), entrants=(), suite={}, evaluation_seeds=seeds)
    by_rate = trials_of(run_task(msgspec.json.encode(Task(bare, batch, (), jobs=1))))
    scores = [[trial.outcome.score for trial in by_rate[rate]] for rate in sorted(by_rate)]
    return Bank(np.array(scores), pairing.problem.start_strata)


def simulate(
    banks: dict[str, Bank], generator: np.random.Generator, tuning_seeds: int, studies: int
) -> dict[str, list[float]]:
    """Return the share of studies that cover, with the choice and without, and the shares of false alarms."""
    names, strata = list(banks), next(iter(banks.values())).strata
    law = [Sampling("problem", strata)]
    truths = {
        name: np.mean(
            [bank.scores[bank.choose(bank.draw(generator, tuning_seeds))].mean() for _ in range(10_000)]
        )
        for name, bank in banks.items()
    }
    covered, alarms = np.zeros((2, len(names))), np.zeros((2, len(names) * (len(names) - 1) // 2))
    for _ in range(studies):
        first = banks[names[0]]
        tuning, evaluation = (first.draw(generator, count) for count in (tuning_seeds, EVALUATION_SEEDS))
        scores, shifts = [], []
        for name in names:
            bank = banks[name]
            chosen = bank.choose(tuning)
            scores.append(bank.scores[chosen, evaluation] - truths[name])
            shifts.append(shifts_of(np.roll(bank.scores[:, tuning], -chosen, axis=0), strata))
        pairs = list(itertools.combinations(range(len(names)), 2))
        for row, scale in enumerate((1, 0)):  # with and without the choice
            low, high = bootstrap_limits(samples_of([np.array(scores)], law), scale * np.array(shifts))
            covered[row] += (low <= 0) & (high >= 0)
            differences = np.array([scores[a] - scores[b] for a, b in pairs])
            shift = scale * np.array([shifts[a] - shifts[b] for a, b in pairs])
            selection = Selection(shift, tuning_seeds)
            alarms[row] += paired_t_test(samples_of([differences], law), selection) < SIGNIFICANT
    return {
        "coverage": (covered[0] / studies).tolist(),
        "coverage, rate taken for given": (covered[1] / studies).tolist(),
        "false alarms": (alarms[0] / studies).tolist(),
        "false alarms, rate taken for given": (alarms[1] / studies).tolist(),
    }


def main() -> None:
    """Print the figures, and exit with status 1 if a mean over optimizers or pairs is outside its bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-p", "--problem", default="quartic")
    parser.add_argument("--steps", type=int, help="budget of a trial, by default that of the standard preset")
    parser.add_argument("--bank", type=int, default=300, help="seeds of the bank")
    parser.add_argument("--studies", type=int, default=300)
    parser.add_argument("--tuning-seeds", type=int, nargs="+", default=[5, 6, 10])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    catalog = load_catalog([], dict(os.environ))
    request = Request(
        problems=[arguments.problem],
        optimizers=list(OPTIMIZERS),
        tracks=("tuned",),
        device="cpu",
        steps=arguments.steps,
    )
    plan = make_plan(catalog, complete_request(catalog, request, None))
    banks = {name: fill(plan, name, arguments.bank) for name in OPTIMIZERS}
    is_within = True
    for tuning_seeds in arguments.tuning_seeds:
        figures = simulate(banks, np.random.default_rng(arguments.seed), tuning_seeds, arguments.studies)
        for name, shares in figures.items():
            low, high = COVERAGE if name.startswith("coverage") else ALARMS
            is_judged = tuning_seeds == plan.tuning_seeds_of(plan.problems[0]) and "given" not in name
            is_within &= not is_judged or low <= np.mean(shares) <= high
            each = ", ".join(f"{100 * share:.1f}" for share in shares)
            print(f"{tuning_seeds:>2} tuning seeds, {name}: {100 * np.mean(shares):.1f} % ({each})")
    sys.exit(0 if is_within else 1)


if __name__ == "__main__":
    main()
