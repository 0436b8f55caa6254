"""Tuned intervals and tests include the choice of the learning rate."""

import math

import msgspec
import numpy as np
import pytest
from scipy import stats

from benchbed.analysis.intervals import DRAWS, bootstrap_limits
from benchbed.analysis.paired_tests import Selection, paired_t_test
from benchbed.analysis.pairwise_tests import compare
from benchbed.analysis.selection_shifts import selection_shifts, shifts_of, tuning_scores
from benchbed.analysis.strata import IndependentSample
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import evaluated_settings, missing_batches

STUDIES, EVALUATION, TUNING = 1_000, 20, 6
MEANS, DEVIATION = np.array([0.5, 0.52, 0.55, 0.52, 0.5]), 0.1
"""Expected scores of five learning rates, and how much trials vary: six tuning seeds often choose wrongly."""


def simulate(generator, means=MEANS, tuning_deviation=DEVIATION, evaluation_deviation=DEVIATION):
    """Return evaluation scores `[studies, seeds]` of the chosen rate, and tuning scores `[studies, rates, seeds]`.

    The tuning scores begin with those of the chosen rate.
    """
    tuning = means[:, None] + generator.normal(0, tuning_deviation, (STUDIES, len(means), TUNING))
    rates = tuning.mean(axis=-1).argsort(axis=-1)[:, ::-1]
    evaluation = generator.normal(0, evaluation_deviation, (STUDIES, EVALUATION))
    return means[rates[:, :1]] + evaluation, np.take_along_axis(tuning, rates[..., None], axis=1)


def shifts_of_rows(state):
    """Return the shifts of the rows of a pairing."""
    rows = [(state, row) for row in evaluated_settings(state)]
    return selection_shifts(tuning_scores(rows), state.plan.problems)


def test_the_interval_of_a_tuned_score_covers_with_the_choice_of_the_rate():
    """93 to 98 % of the studies, 97.7 here; the interval that takes the rate for given covers fewer than 90 %.

    The truth is the expected score of a study: over the choices of 200 000 simulated tunings.
    """
    generator = np.random.default_rng(0)
    means = MEANS + generator.normal(0, DEVIATION / np.sqrt(TUNING), (200_000, len(MEANS)))
    truth = MEANS[means.argmax(axis=-1)].mean()
    evaluation, tuning = simulate(generator)
    shifts = np.array([shifts_of(of_study) for of_study in tuning])
    covered = {}
    for name, shift in (("with", shifts), ("without", None)):
        low, high = bootstrap_limits([IndependentSample(evaluation, 1.0)], shift)
        covered[name] = np.mean((low <= truth) & (truth <= high))
    assert 0.93 <= covered["with"] <= 0.98
    assert covered["without"] < 0.9


def test_equal_optimizers_rarely_differ_although_their_rates_were_chosen():
    """Two optimizers with independent tunings: at most 7 % false alarms; with given rates more than 10 %."""
    generator = np.random.default_rng(1)
    first, second = (simulate(generator) for _ in range(2))
    alarms = {"with": 0, "without": 0}
    for number in range(400):
        scores = {"a": [first[0][number]], "b": [second[0][number]]}
        shifts = {name: shifts_of(tuning[number]) for name, (_, tuning) in (("a", first), ("b", second))}
        alarms["with"] += compare(scores, shifts=shifts)[0].is_apart
        alarms["without"] += compare(scores)[0].is_apart
    assert alarms["with"] <= 0.07 * 400
    assert alarms["without"] > 0.1 * 400


def test_the_choice_has_the_degrees_of_freedom_of_the_tuning_seeds():
    """The p value is that of Welch and Satterthwaite for two variances of means, with 19 and 5 degrees of freedom."""
    differences, shift = np.random.default_rng(2).normal(0.1, 0.2, EVALUATION), np.full(DRAWS, 0.06)
    variances = np.array([differences.var(ddof=1) / EVALUATION, 0.06**2])
    degrees = variances.sum() ** 2 / (variances**2 / [EVALUATION - 1, TUNING - 1]).sum()
    expected = 2 * stats.t.sf(abs(differences.mean()) / math.sqrt(variances.sum()), degrees)
    samples = [IndependentSample(differences[None], 1.0)]
    assert paired_t_test(samples, Selection(shift[None], TUNING)) == pytest.approx(expected)


def test_false_alarms_between_two_nearly_equal_rates_stay_below_the_documented_limit():
    """The worst known case, docs/protocol.md: 13.9 % here, with a standard error of 1.1 %; 34.5 % with given rates.

    Tunings have far more noise than evaluations, and choose one rate of two in four cases of five.
    """
    generator = np.random.default_rng(0)
    first, second = (simulate(generator, np.array([0.4, 0.5]), 0.2, 0.03) for _ in range(2))
    shifts = [[shifts_of(of_study) for of_study in tuning] for _, tuning in (first, second)]
    samples = [IndependentSample(first[0] - second[0], 1.0)]
    selection = Selection(np.subtract(*shifts), TUNING)
    assert np.mean(paired_t_test(samples, selection) < 0.05) < 0.17
    assert np.mean(paired_t_test(samples) < 0.05) > 0.3


def test_a_fixed_setting_is_compared_with_a_chosen_one():
    """Only the latter has a shift; a mean over problems without any choice has a single 0."""
    generator = np.random.default_rng(3)
    scores = {"fixed": [generator.random(EVALUATION)], "chosen": [generator.random(EVALUATION)]}
    means = np.sort(MEANS)[::-1]
    shift = shifts_of(means[:, None] + generator.normal(0, 0.3, (len(means), TUNING)))
    (pair,) = compare(scores, shifts={"fixed": np.zeros(1), "chosen": shift})
    (without,) = compare(scores)
    assert pair.p_value > without.p_value
    assert pair.high - pair.low > without.high - without.low


def test_a_clear_choice_has_no_shift():
    """Every resample selects the same setting; so does a single tuning seed, and a tie keeps the chosen one."""
    scores = np.array([[0.7, 0.8, 0.6], [0.1, 0.2, 0.1], [0.3, 0.1, 0.2]])
    assert (shifts_of(scores) == 0).all()
    assert (shifts_of(scores[:, :1]) == 0).all()
    assert (shifts_of(np.full((3, 5), 0.5)) == 0).all()


def test_shifts_equal_an_enumeration():
    """Two seeds that prefer different settings: half of the resamples draw one seed twice; expanded by √(2/1)."""
    scores = np.array([[0.9, 0.1], [0.2, 0.6]])  # means 0.5 and 0.4
    shifts = shifts_of(scores)
    assert shifts.shape == (DRAWS,)
    assert sorted({*shifts.round(12)}) == pytest.approx([-0.1 * math.sqrt(2), 0.0, 0.1 * math.sqrt(2)])
    assert np.mean(shifts != 0) == pytest.approx(0.25, abs=0.04), "the second seed was drawn twice"
    assert np.mean(shifts > 0) == pytest.approx(0.125, abs=0.03)


def test_strata_are_resampled_separately():
    """With two seeds of each of two kinds, no resample consists of one kind: the setting for one is never chosen."""
    scores = np.array([[0.6, 0.6, 0.6, 0.6], [1.0, 0.0, 1.0, 0.0]])
    assert (shifts_of(scores, start_strata=2) == 0).all()
    assert (shifts_of(scores) != 0).any()


def test_rows_of_a_study_have_the_shifts_of_their_tuning(plan_of, finish):
    """Only those whose rate was chosen among several."""
    plan = plan_of(("quadratic",), optimizers=("adam",), tracks=("default", "tuned"))
    state = PairingState(plan, plan.pairings()[0])
    outcomes = finish(plan, missing_batches(state), lambda setting: (setting["learning_rate"] == 0.1, 1.0))
    state = state._replace(outcomes=outcomes)
    shifts = shifts_of_rows(state)
    assert list(shifts) == [("quadratic", "adam", "tuned")]
    assert (shifts["quadratic", "adam", "tuned"] == 0).all()


def test_settings_that_do_not_depend_on_the_seed_have_fewer_tuning_trials(plan_of, finish):
    """Two equal trials represent every seed beside a finer rate whose trials differ, of which all seeds run."""
    plan = plan_of(("quadratic[start=2]",), preset="standard", tracks=("tuned",))
    plan = msgspec.structs.replace(
        plan, problems=tuple(msgspec.structs.replace(problem, built_in=False) for problem in plan.problems)
    )
    state = PairingState(plan, plan.pairings()[0])

    def judge(setting):
        return 1 / (1 + abs(math.log10(setting["learning_rate"]) + 1)), 1.0

    def complete(state):
        while batches := missing_batches(state):
            state = state._replace(outcomes={**state.outcomes, **finish(plan, batches, judge)})
        return state

    state = complete(state)
    entrant = state.pairing.entrants[0]
    settings = state.settings_tried(entrant, "tuned")
    refined = next(setting for setting in settings if setting["learning_rate"] not in plan.rates)
    digests = {
        key: state.outcomes[key]._replace(digest=number)
        for number, key in enumerate(state.trial_keys(entrant, refined, "tuning"))
    }
    state = complete(state._replace(outcomes={**state.outcomes, **digests}))
    every_seed = plan.tuning_seeds_of(plan.problems[0])
    assert {len(trials) for trials in state.tuning_outcomes(entrant, settings)} == {2, every_seed}
    (shift,) = shifts_of_rows(state).values()
    assert (shift == 0).all()
