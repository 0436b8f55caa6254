"""Gradients in the engine: their prices, draws and support of losses; measurements do not depend on them."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchbed.catalog.loading import load_catalog
from benchbed.checkpoints import checkpoint_steps
from benchbed.engine.backends import choose_engine
from benchbed.engine.run import lanes_of_a_tile
from benchbed.gradients import finite_difference, forward, forward_random, reverse
from benchbed.interfaces import Gradient, Layout, NotServedError, Optimizer, Problem
from benchbed.seeds import DRAW_BLOCK, InstanceSeed
from benchbed_course.dual import dual
from benchbed_optimizers.adam import adam
from benchbed_optimizers.gd import gd
from benchbed_optimizers.sgd import sgd
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.runge import Runge
from benchbed_problems.weighted_quartic import WeightedQuartic

pytestmark = pytest.mark.slow

EXACT = {"reverse": reverse, "forward": forward, "dual": dual}
ALL = EXACT | {"finite-difference": finite_difference, "forward-random": forward_random}
STEPS = 30


def budget_for(gradient, dimension, steps=STEPS, calls=1):
    """Return the least integer budget that pays for the given steps, with less than a step left over."""
    return math.ceil(steps * calls * gradient.price(dimension))


def sharpness_aware(learning_rate: float = 1e-2):
    """Call the oracle twice a step."""

    def update(oracle, state, theta):
        _, gradient = oracle.at(theta + 0.05 * oracle.gradient)
        return theta - learning_rate * gradient, state

    return Optimizer(init=lambda theta: (), update=update)


def careful(learning_rate: float = 1e-2):
    """Call the oracle a second time where the loss is high: lanes differ in their calls."""

    def update(oracle, state, theta):
        high = oracle.loss > 1.0
        _, ahead = oracle.at(theta - learning_rate * oracle.gradient, high)
        return theta - learning_rate * torch.where(high.unsqueeze(-1), ahead, oracle.gradient), state

    return Optimizer(init=lambda theta: (), update=update)


def alone(learning_rate: float = 1e-2):
    """Call the oracle twice a step, written for one trial."""
    return sharpness_aware(learning_rate)._replace(per_trial=True)


@dataclass(frozen=True)
class Single(Problem):
    """Minimize a smooth function with data, noise and Python's mean, written for one trial at a time."""

    per_trial = True
    layout = Layout({"theta": (3,)})

    def make_start(self, generator):
        return torch.rand(3, generator=generator, dtype=torch.float64)

    def make_data(self, generator):
        return torch.rand(3, generator=generator, dtype=torch.float64)

    def make_draws(self, generator, steps):
        return torch.randn(steps, 3, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        assert theta.shape == (3,)
        return sum((theta - data)[k] ** 2 for k in range(3)) / 3 + torch.exp(theta.mean())

    def loss(self, theta, data, draw):
        return self.objective(theta, data) + (draw * theta).sum()


@pytest.mark.parametrize(
    ("name", "steps"),
    [("reverse", 100), ("forward", 75), ("dual", 75), ("finite-difference", 60), ("forward-random", 150)],
)
def test_a_budget_pays_for_steps_at_the_price_of_the_gradient(run, name, steps):
    """100 calls in dimension 2: at 1, 4/3, 4/3, 5/3 and 2/3 of a call."""
    record = run(Quadratic(), sgd, gradient=ALL[name], budget=100, targets=(), learning_rate=[1e-3])
    assert (record.steps[0, 0], record.calls[0, 0]) == (steps, pytest.approx(100))
    price = ALL[name].price(2)
    # The first step, and the first to reach each of the protocol's checkpoints.
    reached = {1, *checkpoint_steps(100, price)}
    np.testing.assert_allclose(record.curve_calls[0, 0], np.array([0, *sorted(reached)]) * price, rtol=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_further_calls_and_full_gradients_cost_their_multiple(run, name):
    """Two calls a step; a full gradient of 256 samples in batches of 64 costs four; both together."""
    gradient = ALL[name]
    twice = run(Quadratic(), sharpness_aware, gradient=gradient, budget=100, targets=(), learning_rate=[1e-3])
    assert twice.steps[0, 0] == int(100 / (2 * gradient.price(2)) + 1e-9)
    network = PolynomialNetwork(dimension=1, samples=256, batch_size=64, hidden=(2,))
    price = gradient.price(network.layout.dimension)
    full = run(network, gd, gradient=gradient, budget=300, targets=(), learning_rate=[1e-3])
    assert full.steps[0, 0] == int(300 / (4 * price) + 1e-9)
    assert full.calls[0, 0] == pytest.approx(full.steps[0, 0] * 4 * price)


def test_lanes_that_call_separately_pay_each_gradient(run):
    """Above a loss of 1 a step has two calls of 4/3, below it one; the budget holds for every lane."""
    bowl = Quadratic(eigenvalues=(1.0, 2.0), start=2.0)
    record = run(bowl, careful, gradient=forward, budget=60, targets=(), learning_rate=[0.1, 1e-6])
    calls = record.calls[0] * 3 / 4
    np.testing.assert_allclose(calls, np.round(calls), atol=1e-9)
    # Its loss stays above 1; a 23rd step begins with the last call of the 45 that the budget pays.
    assert (calls[1], record.steps[0, 1]) == (pytest.approx(46), 23)
    assert record.steps[0, 1] < record.steps[0, 0] < calls[0] < 2 * record.steps[0, 0]


def test_a_gradient_above_the_budget_is_skipped_with_its_price(run):
    """Forward mode in dimension 1 441 costs 960.67 calls."""
    record = run(PolynomialNetwork(samples=256), adam, gradient=forward, budget=500, learning_rate=[1e-3])
    assert record.status.tolist() == [["skipped"]]
    assert record.skip_reason == "a single step costs 960.667 calls, more than the budget of 500"


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize(
    "factory", [sgd, gd, adam, sharpness_aware, careful, alone], ids=lambda rule: rule.__name__
)
@pytest.mark.parametrize(
    "problem", [WeightedQuartic(dimension=3), Runge(features=3), Single()], ids=lambda p: type(p).__name__
)
def test_exact_gradients_give_every_optimizer_the_same_path(run, problem, factory, name):
    """Noise, data of each instance, problems for single trials; further calls, in lanes and under vmap."""
    fields = {"seeds": 2, "targets": (), "learning_rate": [1e-3, 1e-2]}
    if factory is adam:
        fields |= {key: [value] * 2 for key, value in (("beta1", 0.9), ("beta2", 0.999), ("epsilon", 1e-8))}
    shared = {} if not isinstance(problem, Single) else {"scale": None}
    calls = 2 if factory in (sharpness_aware, alone, careful) else 1
    expected = run(problem, factory, budget=STEPS * calls, **fields, **shared)
    record = run(
        problem,
        factory,
        gradient=EXACT[name],
        budget=budget_for(EXACT[name], 3, calls=calls),
        **fields,
        **shared,
    )
    np.testing.assert_array_equal(record.steps, expected.steps)
    np.testing.assert_allclose(record.final_theta, expected.final_theta, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("selector", ["torch.optim:Adam", "torch.optim:LBFGS"])
def test_torch_classes_run_with_every_gradient(run, name, selector):
    """One trial at a time, with closures; the exact ones give the path of reverse mode."""
    factory, gradient = load_catalog(environ={}).optimizer(selector).implementation, ALL[name]
    fields = {"seeds": 2, "targets": (), "learning_rate": [1e-2]}
    record = run(Quadratic(), factory, gradient=gradient, budget=budget_for(gradient, 2), **fields)
    assert set(record.status.flat) == {"exhausted"}
    if name in EXACT:
        expected = run(Quadratic(), factory, budget=STEPS, **fields)
        np.testing.assert_array_equal(record.steps, expected.steps)
        np.testing.assert_allclose(record.final_theta, expected.final_theta, rtol=1e-10, atol=1e-12)


def test_measurements_use_reverse_mode(run, make_batch):
    """A gradient that is wrong by a factor misleads the optimizer, but no measurement."""

    def half(function, theta):
        loss, slope = reverse(function, theta)
        return loss, slope / 2

    settings = {"seeds": 2, "targets": (), "budget": 20}
    misled = run(Quadratic(), sgd, gradient=Gradient(half), learning_rate=[2e-3], **settings)
    plain = run(Quadratic(), sgd, learning_rate=[1e-3], **settings)
    for name in ("curve_objective", "curve_gradient_norm", "gradient_norm", "final_theta"):
        np.testing.assert_allclose(getattr(misled, name), getattr(plain, name), rtol=1e-13, err_msg=name)


def plane(theta):
    """Return a loss whose gradient is 1 everywhere."""
    return theta.sum(-1)


def direction_of(problem, number, step, dimension):
    """Draw v of a step by the protocol: a generator for each instance and block of 1 000 steps."""
    seed = InstanceSeed(0, type(problem).__name__.lower(), "evaluation", number)
    block, offset = divmod(step, DRAW_BLOCK)
    generator = torch.Generator().manual_seed(seed.generator_seed("gradient", block))
    return torch.randn(DRAW_BLOCK, dimension, generator=generator, dtype=torch.float64)[offset].numpy()


def test_directions_are_drawn_in_blocks_from_their_own_generators(run, formula):
    """θ = −η Σ (1 · v) v, with v as the protocol draws it, across the border of two blocks."""
    problem = formula(plane, start=(0.0, 0.0), optimum_known=False)
    steps = DRAW_BLOCK + 5
    fields = {"seeds": [0, 4], "budget": budget_for(forward_random, 2, steps), "scale": None}
    record = run(problem, sgd, gradient=forward_random, learning_rate=[1e-3, 1e-2], **fields)
    assert (record.steps == steps).all()
    for position, number in enumerate(fields["seeds"]):
        directions = np.array([direction_of(problem, number, step, 2) for step in range(steps)])
        expected = -(directions.sum(-1, keepdims=True) * directions).sum(0)
        for setting, rate in enumerate((1e-3, 1e-2)):
            np.testing.assert_allclose(record.final_theta[position, setting], rate * expected, rtol=1e-12)


def test_every_call_of_a_step_uses_the_same_direction(run, formula):
    """On a plane all gradients of a step are equal, in lanes and for a single trial; those of two steps differ."""
    gradients = []

    def look(per_trial):
        def factory(rate: float = 0.0):
            def update(oracle, state, theta):
                gradients.append(oracle.gradient)
                moved = torch.where(oracle.at(theta + 1)[1] == oracle.gradient, theta + 1, theta - 100)
                return moved, state

            return Optimizer(init=lambda theta: (), update=update, per_trial=per_trial)

        return factory

    problem = formula(plane, start=(0.0, 0.0), optimum_known=False)
    for per_trial in (False, True):
        fields = {"seeds": 3, "budget": budget_for(forward_random, 2, 10, calls=2), "scale": None}
        record = run(problem, look(per_trial), gradient=forward_random, rate=[0.0, 1.0], **fields)
        assert (record.final_theta == 10).all()
    first, second = gradients[:2]
    assert not (first == second).any()
    assert (first[:, 0] == first[:, 1]).all()  # settings share the draws of their seed
    assert (first[0] != first[1]).all()


@pytest.mark.parametrize("problem", [Quadratic(), Quartic(), Single()], ids=lambda p: type(p).__name__)
def test_a_trial_with_random_gradients_is_the_same_in_any_batch(
    run, problem, lane_of, assert_same_lane, monkeypatch
):
    """Alone, among others, in tiles, and beside those that end early."""
    fields = {"targets": (), "budget": 40, "gradient": forward_random}
    if isinstance(problem, Single):
        fields["scale"] = None
    rates = [1e-4, 1e-3, 1e200]
    together = run(problem, sgd, seeds=4, learning_rate=rates, **fields)
    for seed, setting in [(0, 0), (1, 1), (3, 1)]:
        single = run(problem, sgd, seeds=[seed], learning_rate=[rates[setting]], **fields)
        assert_same_lane(lane_of(together, seed, setting), lane_of(single))
    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", 1)
    tiled = run(problem, sgd, seeds=4, learning_rate=rates, **fields)
    for seed in range(4):
        assert_same_lane(lane_of(tiled, seed, 1), lane_of(together, seed, 1))
    np.testing.assert_array_equal(tiled.status, together.status)


def test_an_optimizer_does_not_change_the_directions_of_another(run, formula):
    """Neither further calls nor names change a draw."""

    def asks_twice(learning_rate: float = 0.1):
        def update(oracle, state, theta):
            oracle.at(theta + 1)
            return theta - learning_rate * oracle.gradient, state

        return Optimizer(init=lambda theta: (), update=update)

    problem = formula(plane, start=(0.0, 0.0), optimum_known=False)
    paths = [
        run(
            problem, factory, gradient=forward_random, scale=None, seeds=2, learning_rate=[0.1],
            budget=budget_for(forward_random, 2, calls=calls),
        ).final_theta
        for factory, calls in ((sgd, 1), (asks_twice, 2))
    ]  # fmt: skip
    np.testing.assert_array_equal(*paths)


def refuses(function, theta):
    """Reject every loss."""
    raise NotServedError("this loss is not to my taste; use another")


def test_an_unsupported_loss_skips_its_trials_with_the_reason(run, monkeypatch):
    """They have not failed; finished lanes keep their status, and nothing is measured."""
    record = run(Quadratic(), sgd, gradient=Gradient(refuses), seeds=2, learning_rate=[0.1, 0.2])
    assert set(record.status.flat) == {"skipped"}
    assert (record.error, record.skip_reason) == (None, "this loss is not to my taste; use another")
    assert (record.calls == 0).all()
    assert np.isnan(record.gradient_norm).all()
    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", 1)
    tiled = run(Quadratic(), sgd, gradient=Gradient(refuses), seeds=2, learning_rate=[0.1, 0.2])
    assert (set(tiled.status.flat), tiled.skip_reason) == ({"skipped"}, record.skip_reason)


def test_a_loss_may_become_unsupported_later(run, formula):
    """If its form changes along the path; a lane that diverged before has diverged."""

    def picky(function, theta):
        if (theta.abs() < 0.5).any():
            raise NotServedError("too near")
        return reverse(function, theta)

    problem = formula(lambda theta: 0.5 * theta.square().sum(-1), start=(4.0,))
    fields = {"gradient": Gradient(picky), "targets": (), "budget": 40}
    record = run(problem, sgd, learning_rate=[0.3, 1e200], **fields)
    assert record.status.tolist() == [["skipped", "diverged"]]
    assert record.skip_reason == "too near"
    assert record.calls[0, 1] == 1


def test_a_loss_may_be_unsupported_under_vmap(run):
    """The form of the gradient under vmap is another one."""
    gradient = reverse._replace(under_vmap=refuses)
    record = run(Quadratic(), alone, gradient=gradient, learning_rate=[0.1])
    assert (record.status.tolist(), record.error) == ([["skipped"]], None)
    assert record.skip_reason == "this loss is not to my taste; use another"


def test_a_gradient_that_raises_another_error_has_failed(run):
    """With its traceback."""

    def broken(function, theta):
        raise ArithmeticError("no slope today")

    record = run(Quadratic(), sgd, gradient=Gradient(broken), learning_rate=[0.1])
    assert record.status.tolist() == [["failed"]]
    assert "no slope today" in record.error


def test_a_gradient_without_a_traced_form_is_compiled_only_on_request(make_batch):
    """Automatically it runs eagerly, as it may use operations that cannot be traced."""

    def long(gradient, problem=None, **fields):
        batch = make_batch(problem or Quadratic(), sgd, seeds=20, budget=10**8, gradient=gradient, **fields)
        return choose_engine(batch, stateful=False)

    assert long(reverse)[0] == long(forward)[0] == long(forward_random)[0] == "compiled"
    assert long(Gradient(reverse.differentiate)) == (
        "eager",
        "the gradient has no form for a compiled step",
    )
    assert long(Gradient(reverse.differentiate), engine="compiled") == ("compiled", "requested")
    assert long(forward, Quadratic(dimension=90)) == (
        "eager",
        "a gradient of 60 calls makes a long compiled step",
    )


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("forward", WeightedQuartic(dimension=3)),
        ("forward-random", Quartic(gradient_noise=0.1)),
        ("finite-difference", Quadratic()),
        ("dual", Quadratic()),
        ("dual", Runge(features=3)),
    ],
    ids=["forward", "forward-random", "finite-difference", "dual", "dual, products of matrices"],
)
@pytest.mark.usefixtures("no_inductor")
def test_compiled_steps_equal_eager_steps(run, name, problem):
    """The draws of the problem and of the gradient are inputs."""
    fields = {"gradient": ALL[name], "seeds": 2, "budget": 60, "targets": (), "learning_rate": [1e-3, 2e-3]}
    loop, compiled = (run(problem, sgd, engine=engine, **fields) for engine in ("eager", "compiled"))
    assert set(compiled.engine.flat) == {"compiled"}, compiled.engine_reason
    np.testing.assert_array_equal(loop.steps, compiled.steps)
    np.testing.assert_allclose(compiled.final_theta, loop.final_theta, rtol=1e-9, atol=1e-10)


def test_tiles_have_fewer_lanes_for_wide_gradients(make_batch):
    """64 directions side by side leave memory for a 64th of the lanes."""
    problem = Quadratic(dimension=100)
    lanes = {
        name: lanes_of_a_tile(make_batch(problem, sgd, gradient=gradient, learning_rate=[0.1]))
        for name, gradient in ALL.items()
    }
    assert lanes["forward"] == lanes["dual"] == lanes["finite-difference"] == lanes["reverse"] // 64
    numbers = 16 * 100 + 16 * 100
    assert lanes["reverse"] == lanes["forward-random"] == (1 << 26) // (8 * numbers)
