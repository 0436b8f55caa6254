"""Lengths that the line search accepts, for lanes that differ in the number of their trials."""

import pytest
import torch

from benchbed_optimizers.line_search import SUFFICIENT_DECREASE, LinePoint, cubic_minimizer, wolfe_search

STARTS = torch.tensor([-3.0, 0.7, 40.0], dtype=torch.float64)[:, None, None]  # [starts, 1, 1]
LENGTHS = torch.logspace(-4, 4, 9, dtype=torch.float64)[:, None]  # [lengths, 1] of the first trial
LOSSES = {
    "quadratic": lambda theta: (theta - 1).square().sum(-1),
    "quartic": lambda theta: (theta - 1).pow(4).sum(-1),
    "narrow": lambda theta: (theta.square() + 1e-4).sqrt().sum(-1),
    "wavy": lambda theta: (0.02 * theta.square() + theta.cos()).sum(-1),
}


def number(value):
    """A number as a tensor `[1]`."""
    return torch.tensor([value], dtype=torch.float64)


@pytest.mark.parametrize("ends", [(-0.5, 2.0), (2.0, -0.5), (0.5, 0.7)])
def test_the_minimizer_of_a_cubic(ends):
    """x³ − 3x has its local minimum at 1, inside or outside of the two points."""
    points = [LinePoint(number(x), number(x**3 - 3 * x), number(3 * x**2 - 3)) for x in ends]
    torch.testing.assert_close(cubic_minimizer(*points), number(1.0))


def test_a_cubic_without_a_minimum_has_no_minimizer():
    """x³ + x rises everywhere."""
    points = [LinePoint(number(x), number(x**3 + x), number(3 * x**2 + 1)) for x in (0.0, 1.0)]
    assert cubic_minimizer(*points).isnan().all()


@pytest.mark.parametrize("curvature", [0.9, 0.1])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_lanes_meet_the_strong_wolfe_conditions(loss, curvature, oracle_on):
    """From first trials that are too short and too long by factors up to 10⁴, each lane as if it were alone."""
    theta = STARTS.expand(-1, len(LENGTHS), -1).clone()
    oracle = oracle_on(loss, theta)
    direction = -LENGTHS * oracle.gradient.sign()
    search = wolfe_search(oracle, theta, direction, curvature, trials=40)
    assert (search.length > 0).all()
    slope = (oracle.gradient * direction).sum(-1, keepdim=True)
    end = theta + search.length * direction
    after = oracle_on(loss, end)
    torch.testing.assert_close(search.gradient, after.gradient, rtol=0, atol=0)
    bound = oracle.loss[..., None] + SUFFICIENT_DECREASE * search.length * slope
    assert (after.loss[..., None] <= bound).all()
    assert ((after.gradient * direction).sum(-1, keepdim=True).abs() <= curvature * slope.abs()).all()
    assert 1 <= oracle.calls.min() < oracle.calls.max() <= 20
    for lane in ((0, 0), (1, 8), (2, 4)):
        alone = oracle_on(loss, theta[lane])
        single = wolfe_search(alone, theta[lane], direction[lane], curvature, trials=40)
        torch.testing.assert_close(single.length, search.length[lane], rtol=1e-12, atol=0)
        assert alone.calls == oracle.calls[lane]


def test_a_direction_that_does_not_descend_costs_nothing(oracle_on):
    """Its length is 0, as that at a stationary point."""
    theta = torch.tensor([[2.0], [1.0]], dtype=torch.float64)
    oracle = oracle_on(LOSSES["quadratic"], theta)
    search = wolfe_search(oracle, theta, torch.ones_like(theta), 0.9, trials=3)
    assert search.length.tolist() == [[0.0], [0.0]]
    assert oracle.calls.tolist() == [0, 0]


def test_a_trial_without_a_finite_loss_is_too_long(oracle_on):
    """θ − log θ is NaN for negative θ, where the first trial lies."""
    theta = torch.tensor([10.0], dtype=torch.float64)
    oracle = oracle_on(lambda point: (point - point.log()).sum(-1), theta)
    search = wolfe_search(oracle, theta, torch.tensor([-100.0]).double(), 0.1, trials=30)
    assert 0 < 10 - 100 * search.length < 10


@pytest.mark.parametrize(("direction", "shortest", "longest"), [(-1e4, 0.0, 0.0), (-1e-4, 1.1, 10.0)])
def test_a_search_ends_after_its_trials(direction, shortest, longest, oracle_on):
    """The best length that decreases the loss enough is kept; without one it is 0, and the next trial is shorter."""
    theta = torch.tensor([1.0], dtype=torch.float64)
    oracle = oracle_on(lambda point: point.square().sum(-1), theta)
    search = wolfe_search(oracle, theta, torch.tensor([direction], dtype=torch.float64), 1e-3, trials=2)
    assert oracle.calls == 2
    assert shortest <= search.length <= longest
    assert search.length > 0 or search.next_length < 0.1
