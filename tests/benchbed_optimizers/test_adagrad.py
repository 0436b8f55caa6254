"""The path of adagrad."""

import torch

from benchbed_optimizers.adagrad import adagrad

SETTINGS = [
    {"learning_rate": 0.01, "epsilon": 1e-10},
    {"learning_rate": 0.1, "epsilon": 0.001},
    {"learning_rate": 0.001, "epsilon": 0.01},
]


def test_the_path_equals_its_reference(assert_same_path_as_torch):
    """That of `torch.optim.Adagrad`."""
    assert_same_path_as_torch(
        adagrad,
        SETTINGS,
        lambda parameters, setting: torch.optim.Adagrad(
            parameters, lr=setting["learning_rate"], eps=setting["epsilon"]
        ),
    )
