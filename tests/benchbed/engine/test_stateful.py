"""Trials of torch classes equal a training loop on the module itself, to the bit, at the cost of one forward pass."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from benchbed.catalog.torch_classes import torch_factory
from benchbed.engine.sampling import Instances
from benchbed.gradients.finite_difference import finite_difference
from benchbed.interfaces import ModuleProblem, Optimizer
from benchbed.seeds import InstanceSeed

RATE, STEPS = 0.1, 12


class TwoPoints(torch.optim.Optimizer):
    """Evaluate again at a perturbed point, as sharpness-aware minimization does."""

    def __init__(self, params, lr=RATE):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure):
        blocks = [block for block in self.param_groups[0]["params"] if block.grad is not None]
        before = [block.clone() for block in blocks]
        for block in blocks:
            block.add_(block.grad.sign(), alpha=0.01)
        with torch.enable_grad():
            closure()
        for block, old in zip(blocks, before, strict=True):
            block.copy_(old).add_(block.grad, alpha=-self.param_groups[0]["lr"])


class Again(torch.optim.Optimizer):
    """SGD on the gradient of its closure, which it calls after it has cleared the gradients."""

    def __init__(self, params, lr=RATE):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure):
        self.zero_grad()
        with torch.enable_grad():
            closure()
        for block in self.param_groups[0]["params"]:
            if block.grad is not None:
                block.sub_(block.grad, alpha=self.param_groups[0]["lr"])


class Signs(torch.optim.Optimizer):
    """Step against the signs, which are finite where a gradient is infinite."""

    def __init__(self, params, lr=RATE):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for block in self.param_groups[0]["params"]:
            block.sub_(block.grad.sign(), alpha=self.param_groups[0]["lr"])


class Counted(nn.Module):
    """A network with batch normalization and a weight that it does not use; it counts its forward passes."""

    passes = 0

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))
        self.unused = nn.Parameter(torch.ones(2))

    def forward(self, inputs):
        Counted.passes += 1
        return self.layers(inputs)


@dataclass(frozen=True)
class Normalized(ModuleProblem):
    """Classification of random vectors."""

    batch_size: int = 8

    def make_network(self):
        return Counted()

    def make_data(self):
        generator = torch.Generator().manual_seed(0)
        return (torch.randn(30, 4, generator=generator), torch.arange(30) % 3), None

    def loss_of(self, outputs, targets):
        return nn.functional.cross_entropy(outputs, targets)


class Penalized(Normalized):
    """The same with a penalty on a mini-batch, which the author writes into `loss`."""

    def loss(self, theta, data, draw):
        return super().loss(theta, data, draw) + 0.5 * theta.square().sum(-1)


@dataclass(frozen=True)
class Plain(Normalized):
    """The same without batch normalization."""

    def make_network(self):
        return nn.Linear(4, 3)


def by_hand(problem, optimizer_class, penalty=0.0):
    """Train the module by a plain loop; return its parameters as a vector, and the loss in `eval()` mode."""
    seed = InstanceSeed(0, type(problem).__name__.lower(), "evaluation", 0)
    instances = Instances(problem, [seed], dtype=torch.float32)
    network = problem.make_network()
    nn.utils.vector_to_parameters(instances.start[0].clone(), network.parameters())
    optimizer = optimizer_class(network.parameters(), lr=RATE)
    inputs, targets = instances.data.training
    for step in range(STEPS):
        positions = instances.draws.at(step).positions[0, 0]

        def closure(positions=positions):
            optimizer.zero_grad()
            loss = problem.loss_of(network(inputs[positions]), targets[positions])
            if penalty:
                theta = nn.utils.parameters_to_vector(network.parameters())
                loss = loss + 0.5 * penalty * theta.square().sum()
            loss.backward()
            return loss

        closure()
        optimizer.step(*[closure] if optimizer_class in (TwoPoints, Again) else [])
    network.eval()
    with torch.no_grad():
        loss = problem.loss_of(network(inputs), targets).item()
    return nn.utils.parameters_to_vector(network.parameters()).detach().double().numpy(), loss


@pytest.fixture
def trial(run):
    """Return a function that runs a trial of a class in float32."""

    def run_trial(problem, optimizer_class, budget=STEPS, **more):
        statics = {"layout": problem.layout}
        fields = {"targets": (), "scale": None, "dtype": "float32", "learning_rate": [RATE]} | more
        record = run(problem, torch_factory(optimizer_class), statics=statics, budget=budget, **fields)
        assert record.error is None
        return record

    return run_trial


@pytest.mark.parametrize("optimizer_class", [torch.optim.SGD, torch.optim.AdamW, torch.optim.Adafactor])
def test_a_torch_class_equals_a_loop_on_the_module(trial, optimizer_class):
    """An unused parameter has no gradient, so that a class skips it: no weight decay applies."""
    record = trial(Normalized(), optimizer_class)
    theta, loss = by_hand(Normalized(), optimizer_class)
    np.testing.assert_array_equal(record.final_theta[0, 0], theta)
    # Sums of 30 losses in float32, in another order.
    assert record.curve_objective[0, 0, -1] == pytest.approx(loss, rel=1e-6)
    assert record.steps[0, 0] == record.calls[0, 0] == STEPS


@pytest.mark.parametrize(("optimizer_class", "calls"), [(TwoPoints, 2), (Again, 1)])
def test_closures_are_those_of_a_loop(trial, optimizer_class, calls):
    """The first evaluation at the point of the step is free, also of a class that has cleared the gradients."""
    record = trial(Normalized(), optimizer_class, budget=calls * STEPS)
    np.testing.assert_array_equal(record.final_theta[0, 0], by_hand(Normalized(), optimizer_class)[0])
    assert (record.steps[0, 0], record.calls[0, 0]) == (STEPS, calls * STEPS)


@pytest.mark.parametrize("budget", [2, 5, 6])
def test_a_step_that_the_budget_does_not_pay_for_is_not_run(trial, budget):
    """A step of two calls, as that of a wrapper around a built-in rule."""
    record = trial(Normalized(), TwoPoints, budget=budget)
    assert (record.steps[0, 0], record.calls[0, 0]) == (budget // 2, budget // 2 * 2)


def test_a_first_step_beyond_the_budget_skips_the_trial(trial):
    """The closure shows how much it costs."""
    record = trial(Normalized(), TwoPoints, budget=1)
    assert record.skip_reason == "a single step costs 2 calls, more than the budget of 1"


def test_a_step_makes_one_forward_pass(trial, monkeypatch):
    """Buffers need no second one; three are those of the measurements at start and end and of the final norm."""
    monkeypatch.setattr("benchbed.engine.tile.checkpoint_steps", lambda *arguments: [1, STEPS])
    trial(Normalized(), torch.optim.SGD)  # the first trial examines the network
    Counted.passes = 0
    record = trial(Normalized(), torch.optim.SGD)
    measurements = record.curve_calls.shape[-1]
    assert Counted.passes == STEPS + measurements + 1


def test_a_loss_of_the_author_is_used(trial):
    """A subclass of ModuleProblem that defines `loss` trains on it."""
    theta, _ = by_hand(Penalized(), torch.optim.SGD, penalty=1.0)
    record = trial(Penalized(), torch.optim.SGD)
    # The penalty adds its gradient in another order: one rounding of 6e-8 a step.
    np.testing.assert_allclose(record.final_theta[0, 0], theta, rtol=1e-5, atol=1e-6)
    assert np.abs(theta - by_hand(Normalized(), torch.optim.SGD)[0]).max() > 0.01


def test_a_gradient_that_is_not_finite_ends_the_trial(trial):
    """Also for a class that could go on: at the point before, with the call paid."""

    class Cliff(Normalized):
        def loss_of(self, outputs, targets):
            return super().loss_of(outputs, targets) + (outputs - outputs.detach()).abs().sqrt().sum()

    record = trial(Cliff(), Signs)
    assert (record.status[0, 0], record.steps[0, 0], record.calls[0, 0]) == ("diverged", 0, 1)


def test_a_tolerance_ends_the_trial(trial):
    """The norm is that of all blocks."""
    record = trial(Normalized(), torch.optim.SGD, tolerance=1e3)
    assert (record.status[0, 0], record.steps[0, 0], record.calls[0, 0]) == ("converged", 0, 1)
    assert trial(Normalized(), torch.optim.SGD, tolerance=1e-3).status[0, 0] == "exhausted"


def test_other_gradients_evaluate_lanes(trial):
    """Central differences follow the path of the class up to their errors, about 1e-10 in float64."""
    steps = 4
    budget = int(np.ceil(steps * finite_difference.price(Plain().layout.dimension)))
    record = trial(Plain(), torch.optim.SGD, budget, dtype="float64", gradient=finite_difference)
    expected = trial(Plain(), torch.optim.SGD, steps, dtype="float64")
    assert record.steps[0, 0] == steps
    np.testing.assert_allclose(record.final_theta, expected.final_theta, atol=1e-8)


def test_other_stateful_optimizers_take_the_vector(trial, run):
    """Gradient descent with a list as state follows the path of torch.optim.SGD, with equal running statistics."""
    expected = trial(Normalized(), torch.optim.SGD, dtype="float64")

    def descent(learning_rate: float = RATE):
        return Optimizer(
            init=lambda theta: [0],
            update=lambda oracle, state, theta: (theta - learning_rate * oracle.gradient, state),
            stateful=True,
        )

    record = run(Normalized(), descent, budget=STEPS, targets=(), scale=None, learning_rate=[RATE])
    np.testing.assert_allclose(record.final_theta, expected.final_theta, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(record.curve_objective, expected.curve_objective, rtol=1e-12)
