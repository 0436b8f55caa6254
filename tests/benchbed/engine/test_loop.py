"""Every lane ends with its own status, and keeps its measurements until then."""

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from benchbed.engine import calls_to_targets
from benchbed.interfaces import Optimizer
from benchbed_optimizers.gd import gd
from benchbed_optimizers.sgd import sgd
from benchbed_problems.quadratic import Quadratic


class StepCount(NamedTuple):
    """Number of steps, `[..., 1]`."""

    steps: Tensor


def raising_at(step):
    """Return a factory of an optimizer that descends and raises in this step (from 1) of any lane."""

    def factory(learning_rate: float = 0.1):
        def update(oracle, state, theta):
            if (state.steps + 1 == step).any():
                raise ArithmeticError("the rule gives up")
            return theta - learning_rate * oracle.gradient, StepCount(state.steps + 1)

        return Optimizer(init=lambda theta: StepCount(torch.zeros_like(theta[..., :1])), update=update)

    return factory


def half_square(theta):
    return 0.5 * theta.square().sum(-1)


def test_solved_agrees_with_calls_to_targets(run):
    """A lane stops as solved exactly if all its targets are reached, on noisy and exact curves."""
    rates = np.geomspace(1e-4, 10, 41).tolist()
    for problem in (Quadratic(), Quadratic(gradient_noise=0.3)):
        record = run(problem, seeds=5, budget=500, scale=200.0, learning_rate=rates)
        gap = (record.curve_objective - record.optimum[..., None]) / 200.0
        stays = record.status != "diverged"
        again = calls_to_targets(record.curve_calls, gap, np.array(problem.targets), 500, stays)
        np.testing.assert_array_equal(again, record.calls_to_target)
        np.testing.assert_array_equal(record.status == "solved", np.isfinite(again).all(axis=-1))
        assert 0 < (record.status == "solved").sum() < record.status.size


def test_a_solved_lane_stops_at_the_third_checkpoint_in_a_row(run, lane_of):
    """With η = 1 on ½θ² the first step lands on 0: the targets cost 1 call, and the third checkpoint ends the lane."""
    lane = lane_of(run(Quadratic(eigenvalues=(1.0,)), learning_rate=[1.0]))
    assert (lane.status, lane.calls, lane.steps) == ("solved", 3.0, 3)
    assert lane.calls_to_target.tolist() == [1.0] * 8


def test_a_lane_that_starts_at_the_optimum_pays_one_call_a_target(run, lane_of):
    """A target met at the start counts as 1 call, confirmed by the next two checkpoints."""
    lane = lane_of(run(Quadratic(start=0.0), learning_rate=[0.1]))
    assert (lane.status, lane.calls) == ("solved", 2.0)
    assert set(lane.calls_to_target) == {1.0}


@pytest.mark.parametrize("start", [0.0, 1.0])
@pytest.mark.parametrize("budget", [1, 2])
def test_a_budget_too_short_for_three_checkpoints_reaches_targets(run, lane_of, budget, start):
    """The trial stays at its last point: with η = 1 on ½θ² at 0 from the first call on."""
    lane = lane_of(run(Quadratic(eigenvalues=(1.0,), start=start), budget=budget, learning_rate=[1.0]))
    assert (lane.status, lane.calls) == ("solved", budget)
    assert set(lane.calls_to_target) == {1.0}


@pytest.mark.parametrize(("rate", "status", "calls"), [(1.0, "converged", 1.0), (3.0, "exhausted", math.inf)])
def test_a_tolerance_does_not_cost_the_targets_of_its_point(run, lane_of, rate, status, calls):
    """With η = 1 on ½θ² the second gradient is 0 and ends the trial; with η = 3 the gap grows."""
    problem = Quadratic(eigenvalues=(1.0,), start=1.0)
    lane = lane_of(run(problem, budget=4, tolerance=1e-9, learning_rate=[rate]))
    assert lane.status == status
    assert set(lane.calls_to_target) == {calls}


@pytest.mark.parametrize(("side", "status"), [(0.995, "exhausted"), (1.005, "diverged")])
def test_gradient_descent_is_stable_below_two_over_the_largest_eigenvalue(run, lane_of, side, status):
    """At η = 2/λ₂ (1 ± 0.005), 5000 steps contract or expand the second coordinate by (1 − η λ₂)^t."""
    rate = side * 2 / 100
    lane = lane_of(run(Quadratic(start=2.0), gd, budget=5000, targets=(), learning_rate=[rate]))
    assert lane.status == status
    factor = 1 - rate * np.array([1.0, 100.0])
    expected = 0.5 * (np.array([1.0, 100.0]) * (2 * factor ** lane.curve_calls[:, None]) ** 2).sum(-1)
    # Each of up to 5000 steps rounds once: 5000 · 1e-16, and twice that in the square.
    np.testing.assert_allclose(lane.curve_objective, expected, rtol=1e-11)


def test_a_lane_with_a_non_finite_gradient_is_frozen_before_its_update(run, formula, lane_of):
    """√(|θ| + θ) has no finite gradient below 0: the call is paid, the step is not taken."""
    problem = formula(lambda theta: (theta.abs() + theta).sqrt().sum(-1), start=(2.0,))
    lane = lane_of(run(problem, targets=(), learning_rate=[6.0]))
    assert (lane.status, lane.calls, lane.steps) == ("diverged", 2.0, 1)
    np.testing.assert_array_equal(lane.final_theta, [-1.0])


@pytest.mark.parametrize("engine", ["eager", "compiled"])
@pytest.mark.parametrize("broken", [0, 1])
def test_one_non_finite_coordinate_is_enough(run, formula, lane_of, broken, engine):
    """In any coordinate; the gradient of the other one is finite, 2 θ."""

    def objective(theta):
        return (theta[..., broken].abs() + theta[..., broken]).sqrt() + theta[..., 1 - broken].square()

    record = run(formula(objective, start=(2.0, 2.0)), targets=(), learning_rate=[6.0], engine=engine)
    lane = lane_of(record)
    assert record.engine.item() == engine, record.engine_reason
    assert (lane.status, lane.calls, lane.steps) == ("diverged", 2.0, 1)
    assert lane.final_theta[[broken, 1 - broken]].tolist() == [-1.0, -22.0]


def test_a_lane_stopped_by_a_gradient_repeats_no_iterate(run, formula, lane_of):
    """√θ² has no gradient at 0: after 1, ½, 0 the third call makes no iterate that could confirm the target 0.6."""
    problem = formula(lambda theta: theta.square().sqrt().sum(-1), start=(1.0,))
    lane = lane_of(run(problem, targets=(0.6,), learning_rate=[0.5]))
    assert (lane.status, lane.calls, lane.steps) == ("diverged", 3.0, 2)
    assert lane.curve_calls.tolist() == [0, 1, 2]
    assert lane.calls_to_target.tolist() == [np.inf]


def test_a_lane_with_a_non_finite_objective_is_frozen_at_the_checkpoint(run, formula, lane_of):
    """Left of 0 the objective is infinite and its gradient 0: only the checkpoint detects it."""
    problem = formula(lambda theta: torch.where(theta < 0, torch.inf, theta).sum(-1), start=(1.0,))
    lane = lane_of(run(problem, targets=(), learning_rate=[0.6]))
    assert (lane.status, lane.calls) == ("diverged", 2.0)
    assert lane.curve_objective.tolist() == pytest.approx([1.0, 0.4, np.inf])


def test_a_start_without_a_finite_objective_diverges_without_calls(run, formula, lane_of):
    """Such a lane takes no step."""
    lane = lane_of(run(formula(lambda theta: theta.log().sum(-1), start=(-1.0,)), learning_rate=[0.1]))
    assert (lane.status, lane.calls, lane.steps) == ("diverged", 0.0, 0)


def test_a_gap_above_ten_to_the_twelve_freezes_the_lane(run, lane_of):
    """η = 3 doubles θ each step: the gap 4^t/2 exceeds 10¹² at t = 21, and the next checkpoint, at 22, ends it."""
    lane = lane_of(run(Quadratic(eigenvalues=(1.0,), start=1.0), budget=1000, learning_rate=[3.0]))
    assert lane.status == "diverged"
    np.testing.assert_array_equal(lane.curve_calls[-2:], [20, 22])
    np.testing.assert_allclose(lane.curve_objective, 4.0**lane.curve_calls / 2, rtol=1e-14)


@pytest.mark.parametrize(("gap", "status"), [(1000.0, "exhausted"), (1000.001, "diverged")])
def test_a_last_gap_above_a_thousand_is_divergence(run, formula, still, lane_of, gap, status):
    """A trial that ends far above its start has diverged, though every number is finite."""
    problem = formula(lambda theta: theta.sum(-1), start=(gap,))
    assert lane_of(run(problem, still, rate=[0.0])).status == status


def test_the_last_gap_counts_and_not_the_largest(run, lane_of):
    """The gap may exceed 1000 before: 4^t up to t = 6, then a step to 0."""

    def leap(rate: float = 0.0):
        def update(oracle, state, theta):
            return torch.where(state.steps < 6, 2 * theta, 0 * theta), StepCount(state.steps + 1)

        return Optimizer(init=lambda theta: StepCount(torch.zeros_like(theta[..., :1])), update=update)

    lane = lane_of(run(Quadratic(eigenvalues=(1.0,), start=1.0), leap, budget=7, rate=[0.0]))
    assert lane.curve_objective.max() == 4.0**6 / 2 > 1000
    assert lane.status == "solved"  # at the last checkpoint, and the trial stays there
    assert set(lane.calls_to_target) == {7.0}


def test_a_first_step_above_the_budget_is_skipped(run, formula, lane_of):
    """A budget of 9 does not pay for a full gradient of 10 calls, and no call is charged."""
    record = run(formula(half_square, price=10.0), gd, budget=9, learning_rate=[0.1])
    lane = lane_of(record)
    assert "10 calls, more than the budget of 9" in record.skip_reason
    assert (lane.status, lane.calls, lane.steps) == ("skipped", 0.0, 0)
    assert np.isinf(lane.calls_to_target).all()


def test_a_first_step_as_expensive_as_the_budget_runs(run, formula, lane_of):
    """Ten calls pay for one step of ten."""
    lane = lane_of(run(formula(half_square, price=10.0), gd, budget=10, learning_rate=[0.1]))
    assert (lane.status, lane.calls, lane.steps) == ("exhausted", 10.0, 1)


def test_an_optimizer_that_raises_keeps_the_curve_so_far(run, lane_of):
    """One that raises in its fifth step has been measured after four."""
    record = run(Quadratic(start=2.0), raising_at(5), learning_rate=[1e-3])
    lane = lane_of(record)
    assert lane.status == "failed"
    assert "the rule gives up" in record.error
    assert lane.curve_calls.tolist() == [0, 1, 2, 3, 4]
    reference = lane_of(run(Quadratic(start=2.0), budget=4, learning_rate=[1e-3]))
    np.testing.assert_array_equal(lane.curve_objective, reference.curve_objective)


def test_an_optimizer_that_raises_leaves_finished_lanes_their_status(run, formula):
    """Solved and diverged lanes stay so; only the running ones have failed."""
    record = run(Quadratic(eigenvalues=(1.0,)), raising_at(9), learning_rate=[1.0, 1e-3, 1e8])
    assert record.status[0].tolist() == ["solved", "failed", "diverged"]


@pytest.mark.parametrize("broken", ["init", "objective"])
def test_a_plugin_that_raises_before_the_first_checkpoint_leaves_its_traceback(run, formula, broken):
    """The record has the error, and empty curves."""

    def fail(theta):
        raise ArithmeticError("nothing to begin with")

    def factory(learning_rate: float = 0.0):
        return Optimizer(init=fail, update=lambda oracle, state, theta: (theta, state))

    problem = formula(fail if broken == "objective" else half_square)
    record = run(problem, factory if broken == "init" else sgd, seeds=2, targets=(0.1,), learning_rate=[1.0])
    assert (record.status == "failed").all()
    assert "nothing to begin with" in record.error
    assert record.curve_calls.shape == (2, 1, 0)


def test_without_an_optimum_there_are_no_targets_and_no_gap(run, formula):
    """The curve, the statuses and the gradient norm exist; calls to target have length zero."""
    problem = formula(lambda theta: half_square(theta) + 5, start=(1.0,), optimum_known=False)
    record = run(problem, scale=None, budget=20, learning_rate=[0.1])
    assert record.optimum is None
    assert record.calls_to_target.shape == (1, 1, 0)
    assert record.status[0, 0] == "exhausted"
    np.testing.assert_allclose(record.gradient_norm, 0.9**20, rtol=1e-14)


@pytest.mark.parametrize(("climbed", "status"), [(1000.0, "exhausted"), (1001.0, "diverged")])
@pytest.mark.parametrize(("level", "unit"), [(0.5, 1.0), (-40.0, 40.0)])
def test_without_an_optimum_divergence_is_measured_from_the_start(run, formula, climbed, status, level, unit):
    """Diverged means f − f₀ > 10³ max(|f₀|, 1): one step of η = 1 on level − √climbed θ climbs by `climbed`."""
    slope = (climbed * unit) ** 0.5
    problem = formula(lambda theta: level - slope * theta.sum(-1), start=(0.0,), optimum_known=False)
    record = run(problem, scale=None, budget=1, learning_rate=[-1.0])
    np.testing.assert_allclose(record.curve_objective[0, 0], [level, level + climbed * unit], rtol=1e-12)
    assert record.status[0, 0] == status


def test_dropped_settings_do_not_change_the_others(run, valleys, lane_of, assert_same_lane):
    """Rates above 0.002 or 2 diverge early and are dropped; every lane equals that of its own batch."""
    rates = [1e-3, 0.5, 1.0, 10.0, 100.0, 1e4, 1e5, 1e6]
    together = run(valleys, seeds=4, budget=150, learning_rate=rates)
    assert np.isnan(together.curve_calls[:, -1]).any(), "no setting was dropped"
    for seed in range(4):
        for setting, rate in enumerate(rates):
            single = run(valleys, seeds=[seed], budget=150, learning_rate=[rate])
            assert_same_lane(lane_of(together, seed, setting), lane_of(single))


def test_dropped_seeds_do_not_change_the_others(run, valleys, lane_of, assert_same_lane):
    """At η = 0.01 the seeds with c = 1000 diverge and are dropped, with their data and draws."""
    together = run(valleys, seeds=12, budget=1100, learning_rate=[0.01, 0.02])
    diverged = (together.status == "diverged").all(axis=1)
    assert 2 <= diverged.sum() < 12
    assert np.isnan(together.curve_calls[diverged, :, -1]).all(), "no seed was dropped"
    for seed in range(12):
        single = run(valleys, seeds=[seed], budget=1100, learning_rate=[0.02])
        assert_same_lane(lane_of(together, seed, 1), lane_of(single))


def test_dropped_lanes_keep_their_positions_in_the_record(run):
    """Calls, steps and answers are stored at the original position of a lane."""
    record = run(Quadratic(start=2.0), targets=(), budget=60, learning_rate=[1e9, 1e-3, 1e8, 1e7])
    assert record.status[0].tolist() == ["diverged", "exhausted", "diverged", "diverged"]
    assert record.calls[0, 1] == 60
    assert (record.calls[0, [0, 2, 3]] < 10).all()
    np.testing.assert_allclose(
        record.final_theta[0, 1], 2 * (1 - 1e-3 * np.array([1, 100])) ** 60, rtol=1e-13
    )


def test_step_seconds_come_from_the_given_clock(make_batch):
    """They are a trial's share of the clock's time between checkpoints, for its own steps."""
    from benchbed.engine import run_batch

    ticks = iter(range(10_000))
    record = run_batch(
        make_batch(Quadratic(), budget=10, targets=(), learning_rate=[1e-3, 1e-4]),
        clock=lambda: float(next(ticks)),
    )
    np.testing.assert_array_equal(record.step_seconds, [[5.0, 5.0]])  # ten intervals, two lanes


def test_a_lane_that_ends_early_pays_for_its_own_steps(make_batch):
    """The first lane reaches its target at once and stops at the third checkpoint, but is not dropped."""
    from benchbed.engine import run_batch

    ticks = iter(range(10_000))
    record = run_batch(
        make_batch(Quadratic(start=100.0), budget=10, targets=(1e4,), learning_rate=[1e-2, 1e-9, 1e-9]),
        clock=lambda: float(next(ticks)),
    )
    assert record.steps.tolist() == [[3, 10, 10]]
    np.testing.assert_allclose(record.step_seconds, record.steps / 3)  # a tick a step, three lanes


def shrinking_theta(learning_rate: float = 0.1):
    """Return an optimizer that returns fewer parameters than it receives."""
    return Optimizer(
        init=lambda theta: StepCount(torch.zeros_like(theta[..., :1])),
        update=lambda oracle, state, theta: (
            theta[..., :1] - learning_rate * oracle.gradient[..., :1],
            state,
        ),
    )


def growing_state(learning_rate: float = 0.1):
    """Return an optimizer whose state changes its shape in the first step."""
    return Optimizer(
        init=lambda theta: StepCount(torch.zeros_like(theta[..., :1])),
        update=lambda oracle, state, theta: (theta - learning_rate * oracle.gradient, StepCount(theta)),
    )


@pytest.mark.parametrize("factory", [shrinking_theta, growing_state])
def test_a_tensor_of_another_shape_is_not_broadcast(run, factory):
    """The trial fails, with both shapes in its error."""
    record = run(Quadratic(), factory, learning_rate=[0.01])
    assert record.status[0, 0] == "failed"
    assert "(1, 1, 2)" in record.error
    assert "(1, 1, 1)" in record.error


def test_a_lane_may_continue_after_its_targets_with_the_same_score(run, formula, lane_of):
    """From 8 by halves: a gap of 2 is met after 2, 3 and 4 steps, which end the lane unless it spends its budget."""
    settings = {"targets": (2.0,), "budget": 10, "every_step": True, "learning_rate": [0.5]}
    problem = formula(half_square, start=(8.0,))
    stopped, went_on = (lane_of(run(problem, stop_when_solved=stop, **settings)) for stop in (True, False))
    assert (stopped.status, stopped.steps, went_on.status, went_on.steps) == ("solved", 4, "exhausted", 10)
    assert stopped.calls_to_target.tolist() == went_on.calls_to_target.tolist() == [2]
    assert went_on.final_theta.tolist() == [8 * 0.5**10]
