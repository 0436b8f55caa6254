"""The oracle of a step, and the calls that it charges."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchbed.engine.oracle import StepLoss, batched
from benchbed.errors import ContractError
from benchbed.interfaces import BufferedData, Layout, Optimizer, Problem
from benchbed_optimizers.gd import gd
from benchbed_optimizers.sgd import sgd
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic


@dataclass(frozen=True)
class Averaged(Problem):
    """A parabola around a buffer that becomes the mean of itself and θ, with its derivative."""

    per_trial = True

    @property
    def layout(self):
        return Layout({"x": (2,)})

    def make_start(self, generator):
        return torch.ones(2, dtype=torch.float64)

    def make_buffers(self, generator):
        return torch.zeros(2, dtype=torch.float64)

    def next_buffers(self, theta, data, draw):
        return (data.buffers + theta) / 2

    def step_of_blocks(self, blocks, data, draw):
        return self.objective(blocks["x"], data), self.next_buffers(blocks["x"], data, draw)

    def objective(self, theta, data):
        return (theta - data.buffers).square().sum()


def test_buffers_have_no_derivative():
    """A step that kept the graph of the last one would keep those of all steps in memory."""
    data = BufferedData(None, torch.zeros(1, 1, 2, dtype=torch.float64))
    loss = StepLoss(Averaged(), full_batch=True, deterministic=True)
    _, gradient, buffers = loss.reverse_with_buffers(torch.ones(1, 1, 2, dtype=torch.float64), data, None)
    assert gradient.tolist() == [[[2.0, 2.0]]]
    assert buffers.tolist() == [[[0.5, 0.5]]]
    assert not buffers.requires_grad


def stateless(update, **fields):
    """Return an optimizer without a state."""
    return Optimizer(init=lambda theta: (), update=update, **fields)


def twice(learning_rate: float = 1e-2):
    """Call the oracle a second time, at θ itself."""

    def update(oracle, state, theta):
        _, gradient = oracle.at(theta)
        return theta - learning_rate * gradient, state

    return stateless(update)


def sometimes(learning_rate: float = 1e-2):
    """Call the oracle a second time where |θ₁| > 1."""

    def update(oracle, state, theta):
        oracle.at(theta, theta[..., 0].abs() > 1)
        return theta - learning_rate * oracle.gradient, state

    return stateless(update)


@pytest.mark.parametrize("engine", ["eager", "compiled"])
@pytest.mark.parametrize("change", [None, lambda gradient: gradient], ids=["itself", "through a wrapper"])
@pytest.mark.parametrize(
    "kind", [{}, {"per_trial": True}, {"stateful": True}], ids=["lanes", "trial", "stateful"]
)
def test_an_optimizer_knows_its_step(run, engine, kind, change):
    """A rate η/(1 + t) on ½ λ θ² gives θ = θ₀ ∏ (1 − η λ/(1 + t)), also for lanes that stay when others are dropped."""

    def decaying(learning_rate: float = 0.1):
        def update(oracle, state, theta):
            asked = oracle if change is None else oracle.map(change)
            return theta - learning_rate / (1 + asked.step) * asked.gradient, state

        return stateless(update, **kind)

    rates = [0.1, 0.9, 1e200]
    record = run(
        Quadratic(eigenvalues=(2.0,), start=3.0), decaying, seeds=2, targets=(), budget=50, engine=engine,
        learning_rate=rates,
    )  # fmt: skip
    assert set(record.engine.flat) == {"eager" if "stateful" in kind else engine}
    assert record.status[0].tolist() == ["exhausted", "exhausted", "diverged"]
    assert not record.reads_progress.any()
    for setting, rate in enumerate(rates[:2]):
        expected = 3.0 * np.prod(1 - rate * 2.0 / (1 + np.arange(50)))
        np.testing.assert_allclose(record.final_theta[:, setting, 0], expected, rtol=1e-12)


@pytest.mark.parametrize(("budget", "calls"), [(9, 8), (10, 10), (2, 2)])
def test_two_calls_a_step_respect_the_budget(run, lane_of, budget, calls):
    """A step of two calls does not begin with one call left."""
    lane = lane_of(run(Quadratic(), twice, targets=(), budget=budget, learning_rate=[1e-3]))
    assert (lane.status, lane.calls, lane.steps) == ("exhausted", calls, calls // 2)


def test_two_calls_a_step_with_a_budget_of_one_are_skipped(run):
    """The first step shows the price; its calls are not charged."""
    record = run(Quadratic(), twice, budget=1, learning_rate=[1e-3])
    assert record.status[0, 0] == "skipped"
    assert record.calls[0, 0] == record.steps[0, 0] == 0
    np.testing.assert_array_equal(record.final_theta[0, 0], record.curve_theta[0, 0, 0])


def test_checkpoints_of_two_calls_a_step_are_the_first_to_reach_the_grid(run, lane_of):
    """Calls 1 … 10 are reached at 2, 4, …, 10, then 11 at 12, 13 and 14 at 14, 16, 18, …"""
    lane = lane_of(run(Quadratic(), twice, targets=(), budget=30, learning_rate=[1e-4]))
    assert lane.curve_calls.tolist() == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 26, 28, 30]


def test_conditional_calls_are_charged_to_their_lanes(run, lane_of):
    """Each lane pays a second call while |θ₁| = 2 (1 − η)^t is above 1, as a loop for one trial counts."""
    rates = [0.0, 1e-2, 0.1, 0.3]
    record = run(
        Quadratic(eigenvalues=(1.0,), start=2.0), sometimes, targets=(), budget=31, learning_rate=rates
    )
    for setting, rate in enumerate(rates):
        theta, calls, steps = 2.0, 0, 0
        while calls < 31:
            calls += 2 if abs(theta) > 1 else 1
            theta -= rate * theta
            steps += 1
        lane = lane_of(record, setting=setting)
        assert (lane.calls, lane.steps) == (calls, steps)
        np.testing.assert_allclose(lane.final_theta, [theta], rtol=1e-13)


@pytest.mark.parametrize("everywhere", [False, True])
def test_more_calls_than_in_the_first_step_fail(run, everywhere):
    """The first step sets the calls of every step; the error keeps the earlier measurements."""

    class Steps(NamedTuple):
        steps: Tensor

    def later(rate: float = 0.0):
        def update(oracle, state, theta):
            late = state.steps >= 4
            if late.any():
                oracle.at(theta, None if everywhere else late)
            return theta, Steps(state.steps + 1)

        return Optimizer(init=lambda theta: Steps(torch.zeros_like(theta[..., 0])), update=update)

    record = run(Quadratic(), later, targets=(), budget=20, rate=[0.0])
    assert (record.status[0, 0], record.calls[0, 0]) == ("failed", 4)
    assert "step 5 calls its oracle more or less often" in record.error


def test_lanes_outside_where_receive_nan(run):
    """In loss and gradient, so that using them is noticed."""
    replies = []

    def look(learning_rate: float = 0.0):
        def update(oracle, state, theta):
            replies.append(oracle.at(theta, (learning_rate[..., 0] > 0.5).expand(theta.shape[:-1])))
            return theta, state

        return stateless(update)

    def build(learning_rate: float = 0.0):
        return look(torch.as_tensor(learning_rate))

    run(Quadratic(), build, seeds=2, budget=1, learning_rate=[0.0, 1.0])
    loss, gradient = replies[0]
    assert torch.isnan(loss).tolist() == [[True, False]] * 2
    assert torch.isnan(gradient).all(-1).tolist() == [[True, False]] * 2


@pytest.mark.parametrize("kind", [{}, {"stateful": True}], ids=["lanes", "stateful"])
def test_an_eager_step_evaluates_no_loss_that_no_lane_asks_for(run, formula, kind):
    """From |θ₁| ≤ 1 the rule asks for no second gradient; the loss is then called as often as for one without."""

    def plain(learning_rate: float = 1e-2):
        return sometimes(learning_rate)._replace(
            update=lambda oracle, state, theta: (theta - learning_rate * oracle.gradient, state), **kind
        )

    def asking(learning_rate: float = 1e-2):
        return sometimes(learning_rate)._replace(**kind)

    def count_calls(rule):
        calls = []

        def loss(theta):
            calls.append(theta)
            return 0.5 * theta.square().sum(-1)

        run(formula(loss, start=(0.5,)), rule, targets=(), budget=20, engine="eager")
        return len(calls)

    assert count_calls(asking) == count_calls(plain)


def test_a_lane_with_a_non_finite_gradient_pays_one_call(run, formula, lane_of):
    """It is frozen before its update, which would call the oracle again."""
    problem = formula(lambda theta: (theta.abs() + theta).sqrt().sum(-1), start=(2.0,))
    lane = lane_of(run(problem, twice, targets=(), learning_rate=[6.0]))
    assert (lane.status, lane.calls, lane.steps) == ("diverged", 3.0, 1)


def clip(gradient):
    """Clip each lane's gradient to length 1."""
    return gradient / gradient.norm(dim=-1, keepdim=True).clamp(min=1)


def test_a_wrapper_clips_every_gradient_of_another_rule(run, lane_of):
    """From (2, 2) on ½(θ₁² + 100 θ₂²), the first clipped step has length η; the path equals a plain loop."""

    def clipped(learning_rate: float = 0.1):
        inner = sgd(learning_rate)
        return inner._replace(update=lambda oracle, *arguments: inner.update(oracle.map(clip), *arguments))

    record = run(Quadratic(start=2.0), clipped, targets=(), budget=50, learning_rate=[0.1, 0.01])
    for setting, rate in enumerate([0.1, 0.01]):
        theta = np.array([2.0, 2.0])
        for _ in range(50):
            gradient = np.array([1.0, 100.0]) * theta
            theta = theta - rate * gradient / max(1.0, np.linalg.norm(gradient))
        np.testing.assert_allclose(record.final_theta[0, setting], theta, rtol=1e-12)
    assert record.calls.tolist() == [[50.0, 50.0]]


@pytest.mark.parametrize("per_trial", [False, True])
def test_gradients_at_other_points_pass_through_all_wrappers(run, per_trial):
    """Under map(double) then map(add 1), at() returns 2g + 1 and the same loss, and the call is counted."""

    def factory(learning_rate: float = 0.1):
        def update(oracle, state, theta):
            wrapped = oracle.map(lambda g: 2 * g).map(lambda g: g + 1)
            loss, gradient = wrapped.at(3 * theta)
            moved = theta - learning_rate * (gradient + wrapped.gradient) * (loss / loss)[..., None]
            return moved, state

        return stateless(update, per_trial=per_trial)

    record = run(Quadratic(start=2.0), factory, targets=(), budget=2, learning_rate=[1e-3])
    gradient = np.array([2.0, 200.0])
    expected = 2 - 1e-3 * ((2 * 3 * gradient + 1) + (2 * gradient + 1))
    np.testing.assert_allclose(record.final_theta[0, 0], expected, rtol=1e-14)
    assert record.calls[0, 0] == 2


class Seen(NamedTuple):
    """The last progress, in the shape of θ."""

    progress: Tensor


@pytest.mark.parametrize("per_trial", [False, True])
@pytest.mark.parametrize("asks", [1, 2])
def test_progress_is_the_share_of_the_budget_spent(run, asks, per_trial):
    """Before step t (from 0) it is t · calls a step / budget: 0 at first, below 1 at the last."""

    def factory(rate: float = 0.0):
        def update(oracle, state, theta):
            for _ in range(asks - 1):
                oracle.at(theta)
            return theta, Seen(oracle.progress.expand_as(theta) * 1)

        return Optimizer(
            init=lambda theta: Seen(torch.full_like(theta, -1)),
            update=update,
            answer=lambda state, theta: state.progress,
            per_trial=per_trial,
        )

    record = run(Quadratic(), factory, targets=(), budget=40, every_step=True, rate=[0.0, 1.0])
    steps = 40 // asks
    expected = np.arange(steps) * asks / 40
    assert expected.max() < 1
    np.testing.assert_array_equal(record.curve_theta[0, :, 1:, 0], [expected] * 2)


def test_a_full_gradient_of_a_finite_sum_costs_its_share_of_the_samples(run):
    """256 samples in batches of 64 make a full gradient cost 4 calls."""
    problem = PolynomialNetwork(samples=256, batch_size=64, hidden=(4,))
    record = run(problem, gd, targets=(), budget=42, learning_rate=[1e-3])
    assert (record.calls[0, 0], record.steps[0, 0]) == (40, 10)
    finite = np.isfinite(record.curve_calls[0, 0])
    assert set(np.diff(record.curve_calls[0, 0][finite]) % 4) == {0}


def test_further_full_gradients_cost_as_much(run):
    """A second full gradient costs four more calls."""

    def full(learning_rate: float = 0.1):
        return twice(learning_rate)._replace(full_batch=True)

    problem = PolynomialNetwork(samples=256, batch_size=64, hidden=(4,))
    record = run(problem, full, targets=(), budget=42, learning_rate=[1e-3])
    assert (record.calls[0, 0], record.steps[0, 0]) == (40, 5)


def test_full_batch_uses_all_samples(run, make_batch):
    """Gradient descent on the network follows the gradient of the objective over all samples."""
    problem = PolynomialNetwork(samples=256, hidden=(4,), batch_size=128)
    record = run(problem, gd, targets=(), budget=20, learning_rate=[0.1])
    from benchbed.engine.sampling import Instances

    batch = make_batch(problem, gd, learning_rate=[0.1])
    instances = Instances(problem, batch.seeds, torch.device("cpu"), torch.float64)
    theta = instances.start[0].clone()
    for _ in range(10):
        theta.requires_grad_()
        (gradient,) = torch.autograd.grad(problem.objective(theta, instances.data), theta)
        theta = (theta - 0.1 * gradient).detach()
    np.testing.assert_allclose(record.final_theta[0, 0], theta, rtol=1e-11, atol=1e-13)


def test_full_batch_of_synthetic_noise_is_exact_and_costs_one_call(run):
    """On the noisy quartic gradient descent uses 4θ³ − 6θ + 1 at one call, as it has no price."""
    record = run(Quartic(start=1.5, gradient_noise=4.2), gd, targets=(), budget=60, learning_rate=[0.01])
    theta = 1.5
    for _ in range(60):
        theta -= 0.01 * (4 * theta**3 - 6 * theta + 1)
    np.testing.assert_allclose(record.final_theta[0, 0], [theta], rtol=1e-13)
    assert record.calls[0, 0] == 60


def test_measurements_are_taken_at_the_answer(run):
    """Objective, path, gradient norm and final point are those of a running average of θ."""

    class RunningAverage(NamedTuple):
        mean: Tensor
        steps: Tensor

    def averaged(learning_rate: float = 0.1):
        def update(oracle, state, theta):
            moved = theta - learning_rate * oracle.gradient
            steps = state.steps + 1
            return moved, RunningAverage(state.mean + (moved - state.mean) / (steps + 1), steps)

        return Optimizer(
            init=lambda theta: RunningAverage(theta, torch.zeros_like(theta[..., :1])),
            update=update,
            answer=lambda state, theta: state.mean,
        )

    settings = {"targets": (), "budget": 30, "every_step": True}
    problem = Quadratic(eigenvalues=(1.0,), start=2.0)
    record = run(problem, averaged, learning_rate=[0.1], **settings)
    path = run(problem, sgd, learning_rate=[0.1], **settings).curve_theta[0, 0, :, 0]
    mean = np.cumsum(path) / np.arange(1, 32)
    np.testing.assert_allclose(record.curve_theta[0, 0, :, 0], mean, rtol=1e-13)
    np.testing.assert_allclose(record.curve_objective[0, 0], mean**2 / 2, rtol=1e-13)
    np.testing.assert_allclose(record.gradient_norm[0, 0], mean[-1], rtol=1e-13)
    np.testing.assert_allclose(record.final_theta[0, 0], mean[-1:], rtol=1e-13)


@pytest.mark.parametrize(
    "function",
    [
        lambda theta: nn.functional.dropout(theta).sum(),
        lambda theta: nn.functional.batch_norm(
            theta[:, None], torch.zeros(1), torch.ones(1), training=True
        ).sum(),
    ],
    ids=["dropout", "batch norm"],
)
def test_networks_that_vmap_cannot_run_are_told_what_to_be(formula, monkeypatch, function):
    """Random operations and running statistics in a problem for a single trial."""
    monkeypatch.setattr(formula, "per_trial", True)
    with pytest.raises(ContractError, match=r"a benchbed\.interfaces\.ModuleProblem"):
        batched(formula(function), lambda theta, data: function(theta))(torch.ones(2, 3, 4), None)


@pytest.mark.parametrize(
    "loss",
    [nn.functional.mse_loss, nn.functional.smooth_l1_loss, nn.functional.huber_loss],
    ids=lambda function: function.__name__,
)
def test_losses_of_one_trial_are_mapped_over_seeds_and_settings(formula, monkeypatch, loss):
    """Targets that all trials share: torch's own rule for vmap fails on them."""
    monkeypatch.setattr(formula, "per_trial", True)
    x, y = torch.randn(5, 4, generator=(generator := torch.Generator().manual_seed(1))), torch.ones(5)
    theta = torch.randn(2, 3, 4, generator=generator)
    values = batched(formula(lambda theta: theta.sum()), lambda theta, data: loss(x @ theta, y))(theta, None)
    expected = torch.stack([torch.stack([loss(x @ lane, y) for lane in lanes]) for lanes in theta])
    torch.testing.assert_close(values, expected, rtol=1e-6, atol=0)
