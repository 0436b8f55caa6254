"""SIGNUM conforms to benchbed's contract and to the formula of the paper."""

import torch
from torch import Tensor, tensor

from benchbed.testing import check_optimizer
from benchbed_signum import SignumState, signum


class FixedGradient:
    """An oracle with only a gradient."""

    def __init__(self, gradient: Tensor) -> None:
        self.gradient = gradient


def test_signum_conforms():
    """All checks of benchbed pass."""
    check_optimizer(signum)


def test_a_step_follows_the_paper():
    """m = 0.9·(1, −1, 0) + 0.1·(−19, 1, 0) = (−1, −0.8, 0), and θ changes by η against its sign."""
    optimizer = signum(learning_rate=0.5, beta=0.9)
    state = SignumState(tensor([1.0, -1.0, 0.0], dtype=torch.float64))
    oracle = FixedGradient(tensor([-19.0, 1.0, 0.0], dtype=torch.float64))
    theta, state = optimizer.update(oracle, state, torch.zeros(3, dtype=torch.float64))
    torch.testing.assert_close(state.momentum, tensor([-1.0, -0.8, 0.0], dtype=torch.float64))
    torch.testing.assert_close(theta, tensor([0.5, 0.5, 0.0], dtype=torch.float64))
