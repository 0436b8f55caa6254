"""Calls to target follow rule 4 of the protocol."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbed.engine import calls_to_targets
from benchbed.interfaces import Layout, Problem
from benchbed_optimizers.gd import gd

# The same examples in every run, without a time limit.
UNTIMED = settings(deadline=None, derandomize=True)

TARGETS = (1e-1, 1e-2, 1e-3)


def slow_calls_to_target(calls, gap, target, budget, stays):
    """Apply rule 4 literally: three checkpoints in a row of distinct iterates, the first within the budget."""
    iterates, last = [], -1.0
    for at, value in zip(calls, gap, strict=True):
        if at > last:  # else the lane is frozen, and its iterate is the same
            iterates.append((at, value))
            last = at
    end = iterates[-1][1] if stays else math.inf  # a trial that stays repeats its end
    values = [value for _, value in iterates] + [end] * 2
    for index, (at, _) in enumerate(iterates):
        if at <= budget and all(value <= target for value in values[index : index + 3]):
            return max(at, 1.0)  # met at the start counts as 1 call
    return math.inf


GAPS = st.sampled_from([0.0, -1e-9, 1e-4, 1e-3, 5e-3, 1e-2, 0.05, 0.1, 1.0, 1e13, math.inf, math.nan])


@st.composite
def curves(draw):
    """Draw a curve of the engine: increasing calls, repeated once the lane is frozen, NaN once it is dropped."""
    gap = draw(st.lists(GAPS, min_size=1, max_size=12))
    rises = draw(st.lists(st.integers(1, 4), min_size=len(gap) - 1, max_size=len(gap) - 1))
    calls = [0.0, *np.cumsum(rises).astype(float)]
    frozen, dropped = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    calls = calls + calls[-1:] * frozen + [math.nan] * dropped
    gap = gap + gap[-1:] * frozen + [math.nan] * dropped
    return np.array(calls), np.array(gap)


@UNTIMED
@given(curves(), st.integers(1, 40), st.booleans())
def test_calls_to_target_equal_a_literal_implementation(curve, budget, stays):
    """On any curve, for every target."""
    calls, gap = curve
    expected = [slow_calls_to_target(calls, gap, target, budget, stays) for target in TARGETS]
    assert calls_to_targets(calls, gap, np.array(TARGETS), budget, stays).tolist() == expected


@UNTIMED
@given(st.lists(curves(), min_size=1, max_size=6), st.integers(0, 63))
def test_lanes_are_evaluated_independently(several, bits):
    """A batch of curves, padded with NaN, gives the results of the single curves."""
    stays = np.array([bits >> row & 1 for row in range(len(several))], dtype=bool)
    longest = max(len(calls) for calls, _ in several)
    padded = np.full((2, len(several), longest), np.nan)
    for row, (calls, gap) in enumerate(several):
        padded[0, row, : len(calls)], padded[1, row, : len(gap)] = calls, gap
    together = calls_to_targets(*padded[:, None], np.array(TARGETS), 20, stays[None])
    for row, (calls, gap) in enumerate(several):
        alone = calls_to_targets(calls, gap, np.array(TARGETS), 20, stays[row])
        np.testing.assert_array_equal(together[0, row], alone)


def test_a_target_met_at_the_start_costs_one_call():
    """The logarithm in the score begins at 1."""
    reached = calls_to_targets(np.arange(3.0), np.zeros(3), np.array([1e-8]), 10, stays=False)
    assert reached.tolist() == [1.0]


def test_two_hits_do_not_reach_a_target():
    """A hit must be confirmed twice."""
    gap = np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    assert calls_to_targets(np.arange(6.0), gap, np.array([0.1]), 10, stays=False).tolist() == [math.inf]


def test_the_end_of_a_trial_that_stays_confirms_a_target():
    """The first two hits are lost again; the last ones remain."""
    gap = np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    assert calls_to_targets(np.arange(6.0), gap, np.array([0.1]), 10, stays=True).tolist() == [4.0]
    assert calls_to_targets(np.arange(6.0), gap[::-1], np.array([0.1]), 10, stays=True).tolist() == [math.inf]
    assert calls_to_targets(np.zeros(1), np.zeros(1), np.array([0.1]), 10, stays=True).tolist() == [1.0]


def test_a_first_hit_beyond_the_budget_does_not_count():
    """The iterate of the last call within the budget is the state at its end, if the next one confirms it."""
    gap = np.array([1.0, 1.0, 0.0, 0.0])
    for budget, calls in ((1, math.inf), (2, 2.0), (3, 2.0)):
        reached = calls_to_targets(np.arange(4.0), gap, np.array([0.1]), budget, stays=True)
        assert reached.tolist() == [calls]


def test_fractional_prices_that_rounding_lifts_above_the_budget_count():
    """750 steps of 4/3 calls are 1000, though their floating-point sum is slightly more."""
    calls = np.cumsum([0.0] + [4 / 3] * 750)[[0, 748, 749, 750]]
    assert calls[-1] > 1000
    reached = calls_to_targets(calls, np.array([1.0, 1.0, 1.0, 0.0]), np.array([0.1]), 1000, stays=True)
    assert reached.tolist() == [calls[3]]


def test_without_targets_the_result_is_empty():
    """A problem without an optimum has no targets: the last dimension is empty."""
    empty = calls_to_targets(np.zeros((2, 3, 5)), np.zeros((2, 3, 5)), np.array([]), 10, stays=True)
    assert empty.shape == (2, 3, 0)


@dataclass(frozen=True)
class Halving(Problem):
    """Minimize θ²; its metrics are θ and −θ, of which one falls and the other rises."""

    target_metric: ClassVar[str] = "theta"
    layout = Layout({"theta": (1,)})
    targets = (0.5, 0.125, 1e-3)

    @property
    def metrics(self):
        return {"theta": lambda theta, data: theta[..., 0], "minus": lambda theta, data: -theta[..., 0]}

    @property
    def curve_metrics(self):
        return ("theta", "minus")

    def make_start(self, generator):
        return torch.ones(1, dtype=torch.float64)

    def objective(self, theta, data):
        return theta[..., 0].square()


@dataclass(frozen=True)
class Rising(Halving):
    """The same with targets for the metric of which higher values are better."""

    target_metric: ClassVar[str] = "minus"
    targets = (-0.5, -0.125, -1e-3)


@pytest.mark.parametrize("problem", [Halving(), Rising()])
@pytest.mark.parametrize("stop_when_solved", [False, True])
def test_targets_of_a_metric(run, problem, stop_when_solved):
    """θ halves with each call, so it is at most ½ after one call, ⅛ after three and 2⁻¹⁰ after ten."""
    record = run(
        problem,
        gd,
        budget=30,
        scale=None,
        learning_rate=[0.25, 0.0],
        target_metric=problem.target_metric,
        stop_when_solved=stop_when_solved,
    )
    assert record.calls_to_target.tolist() == [[[1, 3, 10], [math.inf] * 3]]
    assert record.status[0].tolist() == ["solved" if stop_when_solved else "exhausted", "exhausted"]
    calls, theta = record.curve_calls[0, 0], record.curve_metrics["theta"][0, 0]
    is_measured = np.isfinite(calls)
    np.testing.assert_allclose(theta[is_measured], 0.5 ** calls[is_measured])
    np.testing.assert_array_equal(record.curve_metrics["minus"], -record.curve_metrics["theta"])
    assert record.optimum is None


def test_trials_with_targets_of_a_metric_run_together(run):
    """On several seeds; one that raised would be repeated alone for each trial."""
    record = run(
        Halving(), gd, seeds=3, budget=30, scale=None, learning_rate=[0.25, 0.0], target_metric="theta"
    )
    assert record.error is None
    assert record.calls_to_target.tolist() == [[[1, 3, 10], [math.inf] * 3]] * 3


def test_a_metric_that_raises_at_checkpoints_costs_its_own_values(run):
    """Its curve is NaN, no target counts as reached, and the reason is that of the final point."""

    class Raising(Halving):
        @property
        def metrics(self):
            return super().metrics | {"theta": lambda theta, data: 1 / 0}

    record = run(Raising(), gd, budget=5, scale=None, learning_rate=[0.25], target_metric="theta")
    assert np.isnan(record.curve_metrics["theta"]).all()
    assert np.isfinite(record.curve_metrics["minus"]).all()
    assert np.isinf(record.calls_to_target).all()
    assert "ZeroDivisionError" in record.metric_errors["theta"][0, 0]


def test_a_metric_that_raises_at_one_checkpoint_of_one_trial_has_a_reason_there(run):
    """The other trial of the batch keeps its targets, and the final values are measured."""

    class Raising(Halving):
        @property
        def metrics(self):
            def theta_or_exit(theta, data):
                if (theta == 0.25).any():  # after two calls at the rate 0.25
                    raise SystemExit("no value")
                return theta[..., 0]

            return super().metrics | {"theta": theta_or_exit}

    record = run(Raising(), gd, budget=30, scale=None, learning_rate=[0.25, 0.4], target_metric="theta")
    theta = record.curve_metrics["theta"][0]
    assert np.isnan(theta[0, record.curve_calls[0, 0] == 2]).all()
    assert np.isfinite(theta[1, np.isfinite(record.curve_calls[0, 1])]).all()
    assert np.isfinite(record.calls_to_target[0, 1]).all()
    assert record.metric_errors["theta"].tolist() == [["SystemExit: no value", None]]
    assert np.isfinite(record.metrics["theta"]).all()
