"""The three forms of an optimizer give the same trials, and those of torch.optim."""

import os
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.torch_classes import torch_factory
from benchbed.engine.sampling import Instances
from benchbed.interfaces import Optimizer
from benchbed_optimizers.adam import adam
from benchbed_optimizers.sgd import sgd
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.runge import Runge

pytestmark = pytest.mark.slow

# Two orders of the same operations, 1e-16 each, over 200 steps (see `assert_same_lane`).
TOLERANCE = {"rtol": 1e-12, "atol": 1e-12}


class Moments(NamedTuple):
    """Moment estimates, and the step count as a single number."""

    first: Tensor
    second: Tensor
    steps: Tensor


def adam_alone(learning_rate: float = 1e-3):
    """Adam as written for one trial: θ is a vector, the step count a number."""

    def init(theta):
        return Moments(torch.zeros_like(theta), torch.zeros_like(theta), theta.new_zeros(()))

    def update(oracle, state, theta):
        first = 0.9 * state.first + 0.1 * oracle.gradient
        second = 0.999 * state.second + 0.001 * oracle.gradient**2
        steps = state.steps + 1
        direction = first / (1 - 0.9**steps) / ((second / (1 - 0.999**steps)).sqrt() + 1e-8)
        return theta - learning_rate * direction, Moments(first, second, steps)

    return Optimizer(init=init, update=update, per_trial=True)


def sharpness_aware(learning_rate: float = 1e-2):
    """SAM: the gradient is taken where the loss is larger; written for both forms of θ."""

    def update(oracle, state, theta):
        uphill = oracle.gradient / oracle.gradient.norm(dim=-1, keepdim=True)
        _, gradient = oracle.at(theta + 0.05 * uphill)
        return theta - learning_rate * gradient, state

    return Optimizer(init=lambda theta: (), update=update)


def careful(learning_rate: float = 1e-2):
    """Take the gradient at the next point where the loss is above 1."""

    def update(oracle, state, theta):
        where = oracle.loss > 1
        _, ahead = oracle.at(theta - learning_rate * oracle.gradient, where)
        gradient = torch.where(where.unsqueeze(-1), ahead, oracle.gradient)
        return theta - learning_rate * gradient, state

    return Optimizer(init=lambda theta: (), update=update)


def averaged(learning_rate: float = 1e-2):
    """Measure half of θ minus the rate: an answer that reads state, θ and a hyperparameter."""
    return sgd(learning_rate)._replace(answer=lambda state, theta: (theta + learning_rate) / 2)


def per_trial(factory):
    return lambda learning_rate=1e-2: factory(learning_rate)._replace(per_trial=True)


@pytest.mark.parametrize(
    ("batched", "per_trial_factory"),
    [
        (adam, adam_alone),
        (sharpness_aware, per_trial(sharpness_aware)),
        (careful, per_trial(careful)),
        (averaged, per_trial(averaged)),
    ],
    ids=["adam", "at", "where", "answer"],
)
@pytest.mark.parametrize(
    "problem",
    [
        Quadratic(),
        Quadratic(dimension=4, rotated=True, gradient_noise=0.5),
        PolynomialNetwork(samples=256, hidden=(8,)),
    ],
    ids=["shared data", "own data and noise", "mini-batches"],
)
def test_a_per_trial_rule_equals_the_batched_rule(
    run, lane_of, assert_same_lane, problem, batched, per_trial_factory
):
    """Mapped by vmap over three seeds and three rates, it has the same measurements call by call."""
    rates = [1e-4, 1e-3, 1e-2]
    expected = run(problem, batched, seeds=3, budget=40, learning_rate=rates)
    mapped = run(problem, per_trial_factory, seeds=3, budget=40, learning_rate=rates)
    for seed in range(3):
        for setting in range(3):
            assert_same_lane(lane_of(mapped, seed, setting), lane_of(expected, seed, setting))


def test_a_per_trial_problem_equals_the_batched_problem(run, lane_of, assert_same_lane):
    """A loss written for a single θ gives the same trials with both forms of optimizers."""

    class Alone(Quadratic):
        per_trial = True

        def objective(self, theta, data):
            assert theta.dim() == 1
            rotated = data.basis @ (theta - data.minimizer)
            return 0.5 * (data.eigenvalues * rotated * rotated).sum()

    Alone.__name__ = "Quadratic"  # instances are seeded by the problem's name
    fields = {"dimension": 4, "rotated": True, "gradient_noise": 0.5}
    expected = run(Quadratic(**fields), adam, seeds=2, budget=40, learning_rate=[1e-3, 1e-2])
    for factory in (adam, adam_alone):
        mapped = run(Alone(**fields), factory, seeds=2, budget=40, learning_rate=[1e-3, 1e-2])
        for seed in range(2):
            assert_same_lane(lane_of(mapped, seed, 1), lane_of(expected, seed, 1))


def torch_path(problem, make, steps, seed=0):
    """Run a plain torch loop on the instance of a seed; return the final point and the optimizer."""
    from benchbed.seeds import InstanceSeed

    instances = Instances(
        problem,
        [InstanceSeed(0, type(problem).__name__.lower(), "evaluation", seed)],
        torch.device("cpu"),
        torch.float64,
    )
    data = instances.data
    parameter = torch.nn.Parameter(instances.start[0].clone())
    optimizer = make([parameter])

    def closure():
        optimizer.zero_grad()
        loss = problem.objective(parameter[None, None], data).squeeze()
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return parameter.detach().numpy(), optimizer


@pytest.mark.parametrize("problem", [Quadratic(), Runge()], ids=["quadratic", "runge"])
@pytest.mark.parametrize(
    ("factory", "torch_class"), [(adam, torch.optim.Adam), (sgd, torch.optim.SGD)], ids=["adam", "sgd"]
)
def test_every_lane_follows_the_path_of_a_torch_loop(run, problem, factory, torch_class):
    """After 200 steps of a batch every lane is at the point of a loop with torch.optim."""
    rates = [1e-3, 5e-3]
    record = run(problem, factory, seeds=2, targets=(), budget=200, learning_rate=rates)
    for seed in range(2):
        for setting, rate in enumerate(rates):
            expected, _ = torch_path(problem, lambda p, rate=rate: torch_class(p, lr=rate), 200, seed)
            np.testing.assert_allclose(record.final_theta[seed, setting], expected, **TOLERANCE)


@pytest.fixture
def torch_optimizer():
    """Return a function that looks up `torch.optim:NAME`, with its static parameters."""

    def find(name):
        catalog = load_catalog([], os.environ)
        factory = catalog.entry("optimizers", f"torch.optim:{name}").implementation
        parameters = catalog.parameters(f"torch.optim:{name}")
        return factory, {key: value.default for key, value in parameters.items() if value.static}

    return find


def test_a_torch_class_follows_its_own_loop(run, torch_optimizer):
    """NAdam, which has no plugin, follows the path of its torch loop in each lane of a batch."""
    factory, statics = torch_optimizer("NAdam")
    rates = [1e-3, 1e-2]
    record = run(Quadratic(), factory, seeds=2, targets=(), budget=200, statics=statics, learning_rate=rates)
    for seed in range(2):
        for setting, rate in enumerate(rates):
            expected, _ = torch_path(
                Quadratic(), lambda p, rate=rate: torch.optim.NAdam(p, lr=rate), 200, seed
            )
            np.testing.assert_allclose(record.final_theta[seed, setting], expected, **TOLERANCE)
    assert record.calls.tolist() == [[200.0] * 2] * 2
    assert (
        record.state_bytes == 8 * 2 * 2 + 4 + 4
    )  # two moments of two numbers; the step and mu_product in float32


def test_closure_calls_of_a_torch_class_are_counted(run, torch_optimizer):
    """The calls of L-BFGS equal its own count of evaluations, step by step."""
    factory, statics = torch_optimizer("LBFGS")
    statics |= {"max_iter": 4}
    problem = Runge()
    record = run(
        problem, factory, targets=(), budget=33, statics=statics, every_step=True, learning_rate=[0.5]
    )
    calls = record.curve_calls[0, 0]
    distinct = calls[np.diff(calls, prepend=-1) > 0]
    for step, state_steps in enumerate(distinct):
        point, plain = torch_path(problem, lambda p: torch.optim.LBFGS(p, lr=0.5, max_iter=4), step)
        evaluated = plain.state[plain.param_groups[0]["params"][0]].get("func_evals", 0)
        assert state_steps == evaluated
    assert record.steps[0, 0] == len(distinct) - 1
    assert (
        distinct[-1] <= 33 < distinct[-1] * (1 + 1 / record.steps[0, 0])
    )  # a further step costs as much as the others
    np.testing.assert_allclose(record.final_theta[0, 0], point, **TOLERANCE)


class Growing(torch.optim.Optimizer):
    """SGD that evaluates the closure once more in each step."""

    def __init__(self, params, lr=0.5):
        super().__init__(params, {"lr": lr, "step": 0})

    @torch.no_grad()
    def step(self, closure):
        (group,) = self.param_groups
        (theta,) = group["params"]
        for _ in range(group["step"]):
            theta.add_(1e-9)  # evaluations at the point of the step are free
            with torch.enable_grad():
                closure()
        theta.add_(theta.grad, alpha=-group["lr"])
        group["step"] += 1


def test_a_target_beyond_the_budget_is_not_reached(run):
    """Steps of 1, 2, 3 and 4 calls: the last one is expected to cost 2 of the 8, and is measured where it ends."""
    problem = Quadratic(eigenvalues=(1.0,), start=1.0)
    record = run(
        problem, torch_factory(Growing), statics={"layout": problem.layout}, targets=(0.05, 0.005), budget=8, scale=0.5,
        learning_rate=[0.5],
    )  # fmt: skip
    assert (record.steps[0, 0], record.calls[0, 0]) == (4, 10)
    np.testing.assert_allclose(
        record.curve_objective[0, 0, -1], 0.5 * 0.5**8, rtol=1e-6
    )  # below both targets
    assert np.isinf(record.calls_to_target[0, 0]).tolist() == [False, True]


def test_a_first_line_search_beyond_the_budget_skips_the_trial(run, torch_optimizer):
    """As a first step of another rule does."""
    factory, statics = torch_optimizer("LBFGS")
    statics |= {"max_iter": 20, "line_search_fn": "strong_wolfe"}
    record = run(Quadratic(start=2.0), factory, budget=4, statics=statics, learning_rate=[1.0])
    assert record.skip_reason.startswith("a single step costs ")


def test_a_stateful_rule_gets_exact_hyperparameters(run):
    """In float32 a rate of 0.1 is passed as the float 0.1, not as its rounding."""
    received = []

    def factory(learning_rate: float = 0.5):
        received.append(learning_rate)
        return sgd(learning_rate)._replace(stateful=True)

    run(Quadratic(), factory, dtype="float32", budget=2, learning_rate=[0.1, 0.3])
    assert set(received) == {0.1, 0.3}
