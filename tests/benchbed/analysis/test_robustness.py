"""How carefully a learning rate must be chosen, against counts by hand."""

import math

import msgspec
import numpy as np
import pandas as pd
import pytest

from benchbed.analysis.secondary_metrics import Robustness, good_decades, robustness_of
from benchbed.plan.presets import PRESETS
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


@pytest.fixture(autouse=True)
def _coarse_grid(monkeypatch):
    """Nine rates and three tuning seeds in the preset `standard`."""
    coarse = PRESETS["standard"]._replace(
        tuning_seeds=3, small_tuning_seeds=3, rates_per_decade=1, extensions=0
    )
    monkeypatch.setitem(PRESETS, "standard", coarse)


@pytest.fixture
def tuned(plan_of):
    """Return a function that builds a plan and the tuning trials of all its entrants.

    `judge(rate, seed)` returns a status and the calls to the success target; `rates` replaces the shared grid.
    """

    def make(judge, rates=None, has_optimum=True, **request):
        plan = plan_of(**{"preset": "standard", **request})
        problem = msgspec.structs.replace(plan.problems[0], has_optimum=has_optimum)
        plan = msgspec.structs.replace(plan, problems=(problem,))
        position = problem.targets.index(problem.success_target)
        rows = [
            (problem.label, entrant.label, key, status, [1.0] * position + [calls] + [INF] * (7 - position))
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


def robustness(plan, tuning):
    return robustness_of([PairingState(plan, pairing) for pairing in plan.pairings()], tuning)


def valley(rate, seed):
    """10 calls at 0.1, twice as many at its neighbours; above 1 all seeds but the first diverge."""
    if rate > 1:
        return ("exhausted", 5.0) if seed == 0 else ("diverged", INF)
    return "exhausted", 10.0 * 2 ** abs(round(math.log10(rate)) + 1)


def test_a_valley_on_a_grid_of_one_rate_a_decade(tuned):
    """Good: 0.01, 0.1 and 1. Of 9 rates and 3 seeds, two of three diverge at 10 and at 100."""
    assert robustness(*tuned(valley)) == {("quadratic", "adam"): Robustness(3.0, 4 / 27)}


def test_the_success_target_counts(tuned):
    """Its position differs if the list of targets ends above 10⁻³."""
    result = robustness(*tuned(valley, problems=("weighted-quartic",), optimizers=("sgd",)))
    assert result == {("weighted-quartic", "sgd"): Robustness(3.0, 4 / 27)}


def test_the_decades_of_an_extension_do_not_count(tuned):
    """Trials beyond the shared grid change nothing, whether all are good or all diverge."""
    plan, tuning = tuned(valley)
    for more in (("exhausted", 1.0), ("diverged", INF)):
        _, beyond = tuned(lambda rate, seed, more=more: more, rates=(1e3, 1e4))
        assert robustness(plan, pd.concat([tuning, beyond])) == robustness(plan, tuning)


def test_all_trials_may_diverge(tuned):
    """Then no decade is good."""
    assert robustness(*tuned(lambda rate, seed: ("diverged", INF))) == {
        ("quadratic", "adam"): Robustness(0.0, 1.0)
    }


def test_a_failed_trial_does_not_count_as_diverged(tuned):
    """It reaches no target, and is in the denominator of the share that diverged."""
    result = robustness(*tuned(lambda rate, seed: ("diverged" if seed == 0 else "failed", INF)))
    assert result == {("quadratic", "adam"): Robustness(0.0, 1 / 3)}


def test_without_an_optimum_only_the_share_that_diverged_is_known(tuned):
    """There is no target to define good rates."""
    ((_, result),) = robustness(*tuned(valley, has_optimum=False)).items()
    assert math.isnan(result.decades)
    assert result.share_diverged == 4 / 27


@pytest.mark.parametrize(
    "request_",
    [
        {"tracks": ("default",)},
        {"tracks": ("default", "searched")},
        {"optimizers": ("adam[learning_rate=0.1]",)},
    ],
    ids=["default", "searched", "fixed"],
)
def test_optimizers_that_are_not_tuned_have_no_robustness(tuned, request_):
    """There is no tuned track, or the learning rate is fixed."""
    plan, _ = tuned(valley, **request_)
    assert robustness(plan, pd.DataFrame(columns=["problem", "optimizer"])) == {}


def test_a_grid_with_a_missing_trial_has_no_robustness(tuned):
    """An interrupted study must not look robust because its bad rates have not run."""
    plan, tuning = tuned(valley)
    assert robustness(plan, tuning[:-1]) == {}
    assert robustness(plan, tuning[:0]) == {}


def test_each_entrant_is_judged_by_its_own_trials(tuned):
    """The tuning of one of two settings is not complete."""
    plan, tuning = tuned(valley, optimizers=("adam", "adam[beta1=0.5]"))
    assert len(robustness(plan, tuning)) == 2
    assert set(robustness(plan, tuning[:-1])) == {("quadratic", "adam")}
