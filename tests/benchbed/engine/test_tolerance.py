"""A lane converges before an update whose gradient is small, and pays for that gradient."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from benchbed.interfaces import Optimizer
from benchbed_optimizers.adam import adam
from benchbed_optimizers.gd import gd
from benchbed_optimizers.sgd import sgd
from benchbed_problems.quadratic import Quadratic

pytestmark = pytest.mark.slow

EIGENVALUES = (1.0, 10.0)
TOLERANCE = 1e-3


def half_square(theta):
    return 0.5 * theta.square().sum(-1)


def steps_of_descent(rate, start=2.0, tolerance=TOLERANCE):
    """Count the steps k until ‖λ θ₀ (1 − η λ)^k‖ is at most the tolerance, from the closed form."""
    eigenvalues = np.array(EIGENVALUES)
    norms = np.linalg.norm(
        eigenvalues * start * (1 - rate * eigenvalues) ** np.arange(10_000)[:, None], axis=-1
    )
    return int(np.argmax(norms <= tolerance))


class MeanState(NamedTuple):
    """The mean of the iterates, and their number."""

    mean: Tensor
    count: Tensor


def averaged(learning_rate: float = 0.1):
    """Descend, and answer with the mean of all iterates."""

    def update(oracle, state, theta):
        moved, count = theta - learning_rate * oracle.gradient, state.count + 1
        return moved, MeanState(state.mean + (moved - state.mean) / count, count)

    return Optimizer(
        init=lambda theta: MeanState(theta, torch.ones_like(theta[..., :1])),
        update=update,
        answer=lambda state, theta: state.mean,
    )


def asks_twice(learning_rate: float = 0.1):
    """Descend by the gradient at θ, after a second call without effect."""

    def update(oracle, state, theta):
        oracle.at(theta + 1)
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=lambda theta: (), update=update)


def asks_sometimes(learning_rate: float = 0.1):
    """Make the second call where the loss is above 1, so that lanes differ in their calls."""

    def update(oracle, state, theta):
        oracle.at(theta + 1, oracle.loss > 1)
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=lambda theta: (), update=update)


def in_the_form(factory, **flags):
    """Return the factory with other flags; the optimizers of these tests support any number of dimensions."""
    return lambda learning_rate=0.1: factory(learning_rate)._replace(**flags)


PLAIN = [sgd, gd, in_the_form(sgd, per_trial=True), in_the_form(sgd, stateful=True)]


FORMS = dict(zip(("batched", "full", "per trial", "stateful"), PLAIN, strict=True))
ENGINES = [
    *((form, "eager", every) for form in FORMS for every in (False, True)),
    ("batched", "compiled", False),
]


@pytest.mark.parametrize(("form", "engine", "every_step"), ENGINES)
def test_descent_stops_where_its_closed_form_says(run, lane_of, form, engine, every_step):
    """After k steps and k + 1 calls, at θ_k, at a checkpoint or between two, each lane separately."""
    rates = [0.15, 0.05, 0.02, 1e-6]
    record = run(
        Quadratic(eigenvalues=EIGENVALUES, start=2.0), FORMS[form], targets=(), budget=500, tolerance=TOLERANCE,
        every_step=every_step, engine=engine, learning_rate=rates,
    )  # fmt: skip
    for setting, rate in enumerate(rates[:3]):
        lane, steps = lane_of(record, setting=setting), steps_of_descent(rate)
        assert 20 < steps < 500
        assert (lane.status, lane.steps, lane.calls) == ("converged", steps, steps + 1)
        point = 2 * (1 - rate * np.array(EIGENVALUES)) ** steps
        np.testing.assert_allclose(lane.final_theta, point, rtol=1e-11)
        assert lane.curve_calls[-1] == steps
        norm = np.linalg.norm(EIGENVALUES * point)
        np.testing.assert_allclose(
            [lane.curve_gradient_norm[-1], record.gradient_norm[0, setting]], norm, rtol=1e-11
        )
        assert norm <= TOLERANCE
    assert record.status[0, 3] == "exhausted"
    assert (record.steps[0, 3], record.calls[0, 3]) == (500, 500)


@pytest.mark.parametrize(
    ("factory", "calls", "engine"),
    [
        (asks_twice, lambda k: 2 * k + 1, "eager"),
        (asks_sometimes, lambda k: None, "eager"),
        (asks_twice, lambda k: 2 * k + 1, "compiled"),
    ],
    ids=["all", "some", "all, compiled"],
)
def test_calls_at_other_points_are_counted(run, lane_of, factory, calls, engine):
    """A step of two calls costs two, the gradient that stops the lane one; if lanes differ, each its own."""
    problem = Quadratic(eigenvalues=EIGENVALUES, start=2.0)
    settings = {"targets": (), "learning_rate": [0.15, 0.05]}
    record = run(problem, factory, budget=500, tolerance=TOLERANCE, engine=engine, **settings)
    assert set(record.engine.flat) == {engine}
    for setting, rate in enumerate((0.15, 0.05)):
        lane, steps = lane_of(record, setting=setting), steps_of_descent(rate)
        free = run(problem, factory, budget=int(record.calls[0, setting]) - 1, **settings)
        assert (lane.status, lane.steps) == ("converged", steps)
        assert (free.steps[0, setting], free.calls[0, setting]) == (steps, lane.calls - 1)
        assert calls(steps) in (None, lane.calls)


@pytest.mark.parametrize("factory", [sgd, in_the_form(sgd, stateful=True), asks_twice, asks_sometimes])
def test_a_tolerance_reached_at_the_start_costs_one_call(run, lane_of, factory):
    """No step is taken, and the measured point is the start."""
    lane = lane_of(run(Quadratic(start=1e-9), factory, targets=(), tolerance=1e-3, learning_rate=[0.1]))
    assert (lane.status, lane.calls, lane.steps) == ("converged", 1.0, 0)
    assert lane.final_theta.tolist() == [1e-9, 1e-9]
    assert lane.curve_calls.tolist() == [0.0]


def test_a_full_gradient_costs_its_price_where_it_stops_a_lane(run, formula, lane_of):
    """Each call costs ten: halving 8, the norm is at most 1 after three steps, which the fourth gradient shows."""
    lane = lane_of(run(formula(half_square, start=(8.0,), price=10.0), gd, targets=(), tolerance=1.0, budget=1000,
                       learning_rate=[0.5]))  # fmt: skip
    assert (lane.status, lane.calls, lane.steps) == ("converged", 40.0, 3)
    assert lane.curve_calls.tolist() == [0, 10, 20, 30]
    assert lane.curve_objective.tolist() == [32, 8, 2, 0.5]


def test_a_point_that_was_not_evaluated_has_not_converged(run, formula, lane_of):
    """As in the course's loop: three evaluations make three steps, and the last point is not evaluated."""
    settings = {"targets": (), "tolerance": 1.0, "learning_rate": [0.5]}
    three, four = (lane_of(run(formula(half_square, start=(8.0,)), budget=n, **settings)) for n in (3, 4))
    assert (three.status, three.calls, three.steps) == ("exhausted", 3, 3)
    assert (four.status, four.calls, four.steps) == ("converged", 4, 3)


def test_the_norm_is_euclidean_and_may_equal_the_tolerance(run, formula, lane_of):
    """At (3, 4) it is 5."""
    problem = formula(half_square, start=(3.0, 4.0))
    for tolerance, status in ((5.0, "converged"), (np.nextafter(5.0, 0), "exhausted")):
        lane = lane_of(run(problem, targets=(), budget=1, tolerance=tolerance, learning_rate=[0.0]))
        assert lane.status == status


def test_the_tested_gradient_is_that_of_the_draw(run, valleys):
    """With noise it is the noisy gradient that `update` receives, and each seed stops at its own."""
    norms = []

    def watching(learning_rate: float = 1e-4):
        def update(oracle, state, theta):
            norms.append(torch.linalg.vector_norm(oracle.gradient, dim=-1))
            return theta - learning_rate * oracle.gradient, state

        return Optimizer(init=lambda theta: (), update=update)

    settings = {"targets": (), "seeds": 6, "budget": 400, "learning_rate": [1e-4, 1e-3]}
    run(valleys, watching, **settings)
    norms = torch.stack(norms)  # [steps, seeds, settings], of lanes that all go on
    is_small = (norms <= 0.2).int()
    record = run(valleys, sgd, tolerance=0.2, **settings)
    converged = is_small.amax(dim=0).bool().numpy()
    assert 0 < converged.sum() < converged.size
    np.testing.assert_array_equal(record.status == "converged", converged)
    np.testing.assert_array_equal(record.steps, np.where(converged, is_small.argmax(dim=0).numpy(), 400))


def test_wrappers_and_answers_do_not_change_the_test(run, lane_of):
    """The gradient at θ counts, not that at the answer or of a wrapper."""

    def clipped(learning_rate: float = 0.1):
        def update(oracle, state, theta):
            small = oracle.map(lambda gradient: 1e-9 * gradient)
            return theta - 1e9 * learning_rate * small.gradient, state

        return Optimizer(init=lambda theta: (), update=update)

    problem = Quadratic(eigenvalues=EIGENVALUES, start=2.0)
    for factory in (clipped, averaged):
        lane = lane_of(
            run(problem, factory, targets=(), budget=500, tolerance=TOLERANCE, learning_rate=[0.05])
        )
        assert (lane.status, lane.steps) == ("converged", steps_of_descent(0.05))
    iterates = 2 * (1 - 0.05 * np.array(EIGENVALUES)) ** np.arange(lane.steps + 1)[:, None]
    np.testing.assert_allclose(lane.final_theta, iterates.mean(axis=0), rtol=1e-12)
    assert lane.curve_gradient_norm[-1] > TOLERANCE


def test_lanes_converge_separately_and_equal_trials_alone(run, valleys, lane_of, assert_same_lane):
    """Converged lanes are dropped with their seeds and settings, which does not change the others."""
    rates = [5e-4, 1e-3, 1.5e-3]
    settings = {"targets": (), "budget": 1200, "tolerance": 0.3}
    together = run(valleys, seeds=6, **settings, learning_rate=rates)
    assert {"converged", "exhausted"} <= set(together.status.flat)
    assert np.isnan(together.curve_calls[:, :, -1]).any(), "no lane was dropped"
    for seed in range(6):
        for setting, rate in enumerate(rates):
            single = run(valleys, seeds=[seed], **settings, learning_rate=[rate])
            assert_same_lane(lane_of(together, seed, setting), lane_of(single))


@pytest.mark.parametrize("factory", [adam, asks_sometimes])
def test_compiled_lanes_converge_as_eager_ones(run, valleys, lane_of, factory):
    """Batched over seeds with noise of their own, both engines have the same counts and points."""
    hyperparameters = {"learning_rate": [5e-4, 1e-3, 5e-3]}
    if factory is adam:
        hyperparameters = {"learning_rate": [0.02, 0.05, 0.1], "beta1": [0.9] * 3, "beta2": [0.999] * 3,
                           "epsilon": [1e-8] * 3}  # fmt: skip
    settings = {"targets": (), "seeds": 4, "budget": 100, "tolerance": 0.8, **hyperparameters}
    loop, compiled = (run(valleys, factory, engine=engine, **settings) for engine in ("eager", "compiled"))
    assert set(compiled.engine.flat) == {"compiled"}
    for name in ("status", "calls", "steps"):
        np.testing.assert_array_equal(getattr(loop, name), getattr(compiled, name), err_msg=name)
    np.testing.assert_allclose(compiled.final_theta, loop.final_theta, rtol=1e-10, atol=1e-10)
    for seed, setting in np.ndindex(4, 3):
        first, second = (lane_of(record, seed, setting).curve_calls for record in (loop, compiled))
        np.testing.assert_array_equal(first, second)
    assert {"converged", "exhausted"} <= set(loop.status.flat)


def test_another_tolerance_needs_another_compiled_step(run):
    """The tolerance is a constant of the compiled step, and part of its cache key."""
    problem = Quadratic(eigenvalues=EIGENVALUES, start=2.0)
    for tolerance, steps in (
        (None, 400),
        (1e-1, steps_of_descent(0.05, tolerance=1e-1)),
    ):
        record = run(
            problem, targets=(), tolerance=tolerance, budget=400, engine="compiled", learning_rate=[0.05] * 2
        )
        assert set(record.engine.flat) == {"compiled"}
        assert record.steps.tolist() == [[steps, steps]]


def test_a_lane_that_solved_all_targets_before_is_solved(run, lane_of):
    """Its targets end it at the third checkpoint that meets them, before its gradient is small."""
    lane = lane_of(
        run(Quadratic(start=2.0), targets=(0.5,), scale=202.0, tolerance=1e-9, learning_rate=[0.01])
    )
    assert lane.status == "solved"


def test_a_target_confirmed_by_the_last_point_makes_the_lane_solved(run, formula, lane_of):
    """From 8 by halves: a gap of 2 is met after 2, 3 and 4 steps; the gradient of the fourth point then stops it.

    A lane that stops one step earlier stays below the target, which counts, but was not solved when it stopped.
    """
    settings = {"budget": 100, "learning_rate": [0.5]}
    problem = formula(half_square, start=(8.0,))
    lane = lane_of(run(problem, targets=(2.0,), tolerance=0.5, **settings))
    assert (lane.status, lane.steps, lane.calls_to_target.tolist()) == ("solved", 4, [2.0])
    lane = lane_of(run(problem, targets=(2.0,), tolerance=1.0, **settings))
    assert (lane.status, lane.steps, lane.calls_to_target.tolist()) == ("converged", 3, [2.0])


def test_a_target_that_is_confirmed_where_a_lane_stopped_between_checkpoints_makes_it_solved(
    run, formula, lane_of
):
    """Met after 14, 16 and 17 steps of η = 0.1, the last of which is the point whose gradient is small."""
    problem, tolerance = formula(half_square, start=(1.0,)), 0.9**16.5
    lane = lane_of(run(problem, targets=(0.03,), tolerance=tolerance, budget=100, learning_rate=[0.1]))
    assert 0.5 * 0.81**14 < 0.03 < 0.5 * 0.81**13
    assert (lane.status, lane.steps, lane.calls) == ("solved", 17, 18)
    assert lane.curve_calls[-3:].tolist() == [14, 16, 17]
    assert lane.calls_to_target.tolist() == [14.0]


def test_a_converged_point_between_checkpoints_may_confirm_a_target(run, formula, lane_of):
    """After 10 calls there are gaps between checkpoints: the lane is measured at the calls of its last point."""
    lane = lane_of(run(formula(half_square, start=(1.0,)), targets=(), tolerance=0.9**15.5, budget=100,
                       learning_rate=[0.1]))  # fmt: skip
    assert (lane.status, lane.steps, lane.calls) == ("converged", 16, 17.0)
    assert lane.curve_calls[-3:].tolist() == [13, 14, 16]
    np.testing.assert_allclose(lane.curve_objective, 0.5 * 0.81**lane.curve_calls, rtol=1e-13)


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_a_non_finite_gradient_is_divergence_and_not_small(run, formula, engine):
    """Left of 0 the gradient of √(|θ| + θ) is NaN; far to the right it is small; at the start it is ½."""
    problem = formula(lambda theta: (theta.abs() + theta).sqrt().sum(-1), start=(2.0,))
    record = run(problem, targets=(), tolerance=0.4, budget=40, engine=engine, learning_rate=[6.0, -1.0, 0.0])
    assert set(record.engine.flat) == {engine}
    assert record.status.tolist() == [["diverged", "converged", "exhausted"]]
    assert record.calls[0, 0] == 2


@pytest.mark.parametrize("bad", [torch.inf, torch.nan, 2e12, 2e3])
@pytest.mark.parametrize(("rate", "steps"), [(0.6, 2), (0.06, 17)], ids=["checkpoint", "between"])
@pytest.mark.parametrize("factory", [sgd, in_the_form(sgd, stateful=True)], ids=["batched", "stateful"])
def test_a_flat_region_with_a_bad_objective_is_divergence(run, formula, lane_of, bad, factory, rate, steps):
    """Left of 0 the objective is not finite, or far above the start, and its gradient is 0."""
    problem = formula(lambda theta: torch.where(theta < 0, bad, theta).sum(-1), start=(1.0,))
    lane = lane_of(run(problem, factory, targets=(), tolerance=1e-6, learning_rate=[rate]))
    assert (lane.status, lane.steps) == ("diverged", steps)


def test_an_exception_leaves_converged_lanes_their_status(run, formula):
    """Only the running lanes have failed."""

    def fragile(learning_rate: float = 0.1):
        def update(oracle, state, theta):
            if (oracle.loss[0, 1] < 0.4).any():
                raise ArithmeticError("the rule gives up")
            return theta - learning_rate * oracle.gradient, state

        return Optimizer(init=lambda theta: (), update=update)

    record = run(formula(half_square), fragile, targets=(), tolerance=1e-3, learning_rate=[1.0, 0.01])
    assert record.status.tolist() == [["converged", "failed"]]


def test_single_precision_tests_its_own_gradient(run, lane_of):
    """In float32 the norm is that of float32 numbers, and the lane stops near that of float64."""
    settings = {"targets": (), "budget": 500, "tolerance": TOLERANCE, "learning_rate": [0.05]}
    lane = lane_of(run(Quadratic(eigenvalues=EIGENVALUES, start=2.0), dtype="float32", **settings))
    assert lane.status == "converged"
    assert abs(lane.steps - steps_of_descent(0.05)) <= 1


def test_without_a_tolerance_lanes_have_no_converged_tensor(make_batch):
    """The compiled step then has one tensor less."""
    from benchbed.engine.pytrees import leaves
    from benchbed.engine.sampling import Instances
    from benchbed.engine.tile import Tile

    batch = make_batch(Quadratic(), learning_rate=[0.1])
    instances = Instances(batch.problem, batch.seeds, torch.device("cpu"), torch.float64)
    plain, watched = (Tile(batch._replace(tolerance=each), instances).start_lanes() for each in (None, 1.0))
    assert len(leaves(plain)) + 1 == len(leaves(watched))
    assert plain.converged is None
