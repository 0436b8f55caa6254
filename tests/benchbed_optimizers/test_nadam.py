"""The path of nadam."""

import pytest
import torch

from benchbed_optimizers.nadam import nadam

SETTINGS = [
    {"learning_rate": 0.0002, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-08, "momentum_decay": 0.004},
    {"learning_rate": 0.005, "beta1": 0.5, "beta2": 0.99, "epsilon": 0.001, "momentum_decay": 0.01},
    {"learning_rate": 0.002, "beta1": 0.0, "beta2": 0.9, "epsilon": 0.01, "momentum_decay": 0.001},
]


@pytest.fixture(autouse=True)
def _products_in_double_precision():
    """torch keeps the product of the momenta in its default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_the_path_equals_its_reference(assert_same_path_as_torch):
    """That of `torch.optim.NAdam`."""
    assert_same_path_as_torch(
        nadam,
        SETTINGS,
        lambda parameters, setting: torch.optim.NAdam(
            parameters,
            lr=setting["learning_rate"],
            betas=(setting["beta1"], setting["beta2"]),
            eps=setting["epsilon"],
            momentum_decay=setting["momentum_decay"],
        ),
    )
