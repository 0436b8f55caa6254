"""Softsign descent conforms to benchbed's contract and to its formula."""

import torch
from torch import Tensor, tensor

from benchbed.testing import optimizer_claims, parametrize_claims
from benchbed_softsign import SoftsignState, softsign


class FixedGradient:
    """An oracle with only a gradient."""

    def __init__(self, gradient: Tensor) -> None:
        self.gradient = gradient


@parametrize_claims(optimizer_claims(softsign))
def test_softsign_keeps(claim):
    """One test for each claim of benchbed's contract."""
    claim()


def test_a_step_follows_the_formula():
    """m = 0.9·(1, −1, 0) + 0.1·(−19, 1, 0) = (−1, −0.8, 0), and θ changes by −η m / (|m| + 0.2)."""
    optimizer = softsign(learning_rate=0.6, beta=0.9, softness=0.2)
    state = SoftsignState(tensor([1.0, -1.0, 0.0], dtype=torch.float64))
    oracle = FixedGradient(tensor([-19.0, 1.0, 0.0], dtype=torch.float64))
    theta, state = optimizer.update(oracle, state, torch.zeros(3, dtype=torch.float64))
    torch.testing.assert_close(state.momentum, tensor([-1.0, -0.8, 0.0], dtype=torch.float64))
    torch.testing.assert_close(theta, tensor([0.5, 0.48, 0.0], dtype=torch.float64))
