"""How carefully a learning rate must be chosen, against counts by hand."""

import math

import msgspec
import numpy as np
import pandas as pd
import pytest

from benchbed.analysis.robustness import Robustness, good_decades, robustness_of
from benchbed.tuning.candidates import PairingState

INF = math.inf


def column(*calls):
    """One seed a rate."""
    return np.array(calls, dtype=float)[:, None]


def test_good_rates_are_counted_wherever_they_lie():
    """Best 40, so 50, 60 and 80 are good and 81 is not: four points of four a decade, with a gap among them."""
    assert good_decades(column(INF, 100, 50, 60, 81, 40, 80, INF), 4) == 1.0


@pytest.mark.parametrize(("per_decade", "decades"), [(1, 3.0), (2, 1.5), (4, 0.75)])
def test_a_point_stands_for_one_spacing(per_decade, decades):
    """Three good points of one, two and four a decade."""
    assert good_decades(column(10, 10, 10, 21), per_decade) == decades


def test_medians_are_lower_medians():
    """Half of four seeds suffice: [3, 5, ∞, ∞] has the median 5, [3, ∞, ∞] has none."""
    assert good_decades(np.array([[3, INF, 5, INF], [10, 10, 10, 10], [11, 11, 11, 1]]), 1) == 2.0
    assert good_decades(np.array([[3, INF, INF]]), 1) == 0.0


def test_nobody_who_reaches_the_target_is_good():
    """Infinity is not within twice of infinity."""
    assert good_decades(np.full((9, 3), INF), 1) == 0.0


def test_met_at_the_start_everywhere_is_the_whole_grid():
    """33 points of four a decade: each stands for its spacing, the ends too."""
    assert good_decades(np.ones((33, 5)), 4) == 8.25


@pytest.fixture
def tuned(plan_of):
    """Give a function that makes a plan and the tuning trials of all its entrants, judged by rate and seed.

    `judge` gives a status and the calls to the success target; `rates` is the grid if it is not the shared one.
    """

    def make(judge, rates=None, has_optimum=True, **request):
        plan = plan_of(**{"preset": "standard", **request})
        problem = msgspec.structs.replace(plan.problems[0], has_optimum=has_optimum)
        plan = msgspec.structs.replace(plan, problems=(problem,))
        place = problem.targets.index(problem.success_target)
        rows = [
            (problem.label, entrant.label, key, status, [1.0] * place + [calls] + [INF] * (7 - place))
            for pairing in plan.pairings()
            for entrant in pairing.entrants
            for rate in rates or plan.rates
            for seed, key in enumerate(
                PairingState(plan, pairing).trial_keys(entrant, entrant.at(rate), "tuning")
            )
            for status, calls in [judge(rate, seed)]
        ]
        names = ["problem", "optimizer", "trial_key", "status", "calls_to_target"]
        return plan, pd.DataFrame(rows, columns=names)

    return make


def ask(plan, tuning):
    return robustness_of([PairingState(plan, pairing) for pairing in plan.pairings()], tuning)


def valley(rate, seed):
    """10 calls at 0.1, twice as many at its neighbours, none above 1 but for the first of the seeds."""
    if rate > 1:
        return ("exhausted", 5.0) if seed == 0 else ("diverged", INF)
    return "exhausted", 10.0 * 2 ** abs(round(math.log10(rate)) + 1)


def test_a_valley_on_a_grid_of_one_rate_a_decade(tuned):
    """Good: 0.01, 0.1 and 1. Of 9 rates and 3 seeds, two of three diverge at 10 and at 100."""
    assert ask(*tuned(valley)) == {("quadratic", "adam"): Robustness(3.0, 4 / 27)}


def test_the_success_target_is_the_one_that_counts(tuned):
    """Where the list ends above 10⁻³ it is another place of the list."""
    found = ask(*tuned(valley, problems=("weighted-quartic",), optimizers=("sgd",)))
    assert found == {("weighted-quartic", "sgd"): Robustness(3.0, 4 / 27)}


def test_the_decades_of_an_extension_do_not_count(tuned):
    """Trials beyond the shared grid, all good or all diverged, change nothing."""
    plan, tuning = tuned(valley)
    for more in (("exhausted", 1.0), ("diverged", INF)):
        _, beyond = tuned(lambda rate, seed, more=more: more, rates=(1e3, 1e4))
        assert ask(plan, pd.concat([tuning, beyond])) == ask(plan, tuning)


def test_all_may_diverge(tuned):
    """No decades, and the whole grid lost."""
    assert ask(*tuned(lambda rate, seed: ("diverged", INF))) == {("quadratic", "adam"): Robustness(0.0, 1.0)}


def test_a_failure_is_no_divergence(tuned):
    """It reaches no target, and stays in the denominator of those that diverged."""
    found = ask(*tuned(lambda rate, seed: ("diverged" if seed == 0 else "failed", INF)))
    assert found == {("quadratic", "adam"): Robustness(0.0, 1 / 3)}


def test_without_an_optimum_only_divergence_is_known(tuned):
    """No target says which rates are good."""
    ((_, found),) = ask(*tuned(valley, has_optimum=False)).items()
    assert math.isnan(found.decades)
    assert found.share_diverged == 4 / 27


@pytest.mark.parametrize(
    "request_",
    [
        {"tracks": ("default",)},
        {"tracks": ("default", "searched")},
        {"optimizers": ("adam[learning_rate=0.1]",)},
    ],
    ids=["default", "searched", "fixed"],
)
def test_what_is_not_tuned_has_no_robustness(tuned, request_):
    """No tuned track, or no learning rate that is left open."""
    plan, _ = tuned(valley, **request_)
    assert ask(plan, pd.DataFrame(columns=["problem", "optimizer"])) == {}


def test_a_grid_with_a_missing_trial_says_nothing(tuned):
    """A study that was interrupted must not look robust because its bad rates have not run."""
    plan, tuning = tuned(valley)
    assert ask(plan, tuning[:-1]) == {}
    assert ask(plan, tuning[:0]) == {}


def test_entrants_are_judged_by_their_own_trials(tuned):
    """Two settings of one optimizer, one of which has not been tuned to the end."""
    plan, tuning = tuned(valley, optimizers=("adam", "adam[beta1=0.5]"))
    assert len(ask(plan, tuning)) == 2
    assert set(ask(plan, tuning[:-1])) == {("quadratic", "adam")}
