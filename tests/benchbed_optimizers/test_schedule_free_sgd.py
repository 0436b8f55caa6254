"""The path and the answer of schedule-free SGD."""

import pytest
import torch

from benchbed.catalog.wrapping import wrapped_factory
from benchbed_optimizers.schedule_free_sgd import schedule_free_sgd
from benchbed_optimizers.wrappers.schedules import constant

SETTINGS = [
    {"learning_rate": 1e-3, "beta": 0.9},
    {"learning_rate": 5e-3, "beta": 0.5},
    {"learning_rate": 2e-3, "beta": 0.98},
]
STEPS, WARMUP = 200, 0.1


def reference(parameters, setting, **options):
    """That of the authors, in the mode in which gradients are computed."""
    package = pytest.importorskip("schedulefree")
    optimizer = package.SGDScheduleFree(
        parameters, lr=setting["learning_rate"], momentum=setting["beta"], **options
    )
    optimizer.train()
    return optimizer


def test_the_path_equals_its_reference(assert_same_path_as_torch):
    """Its points y, at which gradients are evaluated."""
    assert_same_path_as_torch(schedule_free_sgd, SETTINGS, reference)


def test_a_warm_up_equals_that_of_the_reference(assert_same_path_as_torch):
    """The weights of the average grow with the rates."""
    warmed = wrapped_factory("constant", constant, schedule_free_sgd)
    assert_same_path_as_torch(
        lambda **setting: warmed(**setting, budget=STEPS, constant_warmup=WARMUP),
        SETTINGS,
        lambda parameters, setting: reference(parameters, setting, warmup_steps=round(WARMUP * STEPS)),
    )


@pytest.mark.parametrize("decrease", [0.0, 0.08])
@pytest.mark.parametrize("beta", [0.3, 0.9])
def test_the_answer_is_the_mean_of_the_iterates_of_sgd(beta, decrease, oracle_of):
    """With the squared rates as weights; before the first step it is the start. y is a mean of it and the last one."""
    theta = z = torch.tensor([[3.0, -1.0], [0.0, 2.0]], dtype=torch.float64)
    optimizer = schedule_free_sgd(beta=beta)
    state, iterates, weights = optimizer.init(theta), [], []
    assert torch.equal(optimizer.answer(state, theta), theta)
    for number in range(6):
        rate = 0.5 - decrease * number
        optimizer = schedule_free_sgd(learning_rate=rate, beta=beta)
        gradient = theta.sin() + 1
        theta, state = optimizer.update(oracle_of(gradient), state, theta)
        z = z - rate * gradient
        iterates.append(rate**2 * z)
        weights.append(rate**2)
        mean = torch.stack(iterates).sum(0) / sum(weights)
        torch.testing.assert_close(theta, (1 - beta) * z + beta * mean, rtol=1e-13, atol=1e-13)
        torch.testing.assert_close(optimizer.answer(state, theta), mean, rtol=1e-12, atol=1e-12)


def test_a_rate_of_zero_does_not_move(oracle_of):
    """As at the end of a schedule, where all weights may be 0."""
    optimizer = schedule_free_sgd(learning_rate=0.0)
    theta = torch.ones(2)
    moved, state = optimizer.update(oracle_of(theta), optimizer.init(theta), theta)
    assert torch.equal(moved, theta)
    assert torch.equal(optimizer.answer(state, moved), theta)


def test_gradients_at_the_iterates_of_sgd_are_another_rule():
    """With β = 0 the average would have no effect, and could not be recovered from y."""
    with pytest.raises(ValueError, match="beta is 0; it must be above 0"):
        schedule_free_sgd(beta=0.0)
