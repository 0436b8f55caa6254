"""The path of radam."""

import pytest
import torch

from benchbed_optimizers.radam import radam

SETTINGS = [
    {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-08},
    {"learning_rate": 0.005, "beta1": 0.5, "beta2": 0.99, "epsilon": 0.001},
    {"learning_rate": 0.002, "beta1": 0.0, "beta2": 0.9, "epsilon": 0.01},
]


def test_the_path_equals_its_reference(assert_same_path_as_torch):
    """That of `torch.optim.RAdam`."""
    assert_same_path_as_torch(
        radam,
        SETTINGS,
        lambda parameters, setting: torch.optim.RAdam(
            parameters,
            lr=setting["learning_rate"],
            betas=(setting["beta1"], setting["beta2"]),
            eps=setting["epsilon"],
        ),
    )


@pytest.mark.parametrize("beta2", [0.9998998641967773])
def test_rounding_adds_no_adaptive_step(beta2, oracle_of):
    """In float32 ρ of the fifth step may exceed 5, from which torch, with Python's numbers, computes 4.9996."""
    block = torch.nn.Parameter(torch.zeros(1))
    reference = torch.optim.RAdam([block], lr=0.01, betas=(0.9, beta2))
    theta, rate = torch.zeros(1), torch.tensor([beta2])
    optimizer = radam(0.01, 0.9, rate)
    state = optimizer.init(theta)
    for number in range(5):
        block.grad = torch.full_like(theta, 7.0)
        reference.step()
        oracle = oracle_of(block.grad.clone())
        oracle.step = torch.full_like(theta, number)
        theta, state = optimizer.update(oracle, state, theta)
    torch.testing.assert_close(theta, block.detach(), rtol=1e-5, atol=0.0)
