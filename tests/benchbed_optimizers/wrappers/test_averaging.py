"""The paths and answers of averages."""

import pytest
import torch

from benchbed.catalog.wrapping import wrapped_factory
from benchbed_optimizers.adam import adam
from benchbed_optimizers.sgd import sgd
from benchbed_optimizers.wrappers.averaging import ema, lookahead


def test_the_average_is_that_of_the_iterates(oracle_of):
    """Weights (1 − β) βᵏ, divided by their sum; the start is answered before the first step."""
    optimizer = wrapped_factory("ema", ema, sgd)(learning_rate=1.0, ema_decay=0.9)
    theta = torch.zeros(2, 3, dtype=torch.float64)
    state, iterates = optimizer.init(theta), []
    assert torch.equal(optimizer.answer(state, theta), theta)
    for number in range(1, 6):
        theta, state = optimizer.update(oracle_of(torch.full_like(theta, -number)), state, theta)
        iterates.append(theta)
    weights = torch.tensor([0.9**age for age in range(4, -1, -1)], dtype=torch.float64)
    expected = (weights[:, None, None] * torch.stack(iterates)).sum(0) / weights.sum()
    torch.testing.assert_close(optimizer.answer(state, theta), expected, rtol=1e-14, atol=0)


def test_the_average_does_not_change_the_path(quadratic_path):
    """Bit by bit."""
    averaged = wrapped_factory("ema", ema, adam)(learning_rate=0.05)
    assert torch.equal(quadratic_path(averaged, 50), quadratic_path(adam(learning_rate=0.05), 50))


def test_lookahead_is_the_papers(assert_same_path_as_loop):
    """Algorithm 1 around gradient descent with k = 3."""

    def step(g, theta, t, memory, setting, gradient_at):
        memory.setdefault("slow", theta)
        theta = theta - setting["learning_rate"] * g
        if t % 3 == 0:
            memory["slow"] = memory["slow"] + setting["lookahead_alpha"] * (theta - memory["slow"])
            theta = memory["slow"]
        return theta

    settings = [{"learning_rate": 1e-3, "lookahead_alpha": alpha} for alpha in (0.5, 0.8)]
    base = wrapped_factory("lookahead", lookahead, sgd)
    assert_same_path_as_loop(lambda **values: base(lookahead_steps=3, **values), settings, step)


def test_lookahead_needs_a_step():
    """Otherwise it would never move the slow weights."""
    with pytest.raises(ValueError, match="steps is 0; it must be at least 1"):
        lookahead(sgd(), steps=0)
    with pytest.raises(ValueError, match=r"alpha is 1\.5; it must be above 0 and at most 1"):
        lookahead(sgd(), alpha=1.5)
