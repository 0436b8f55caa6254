"""The path of amsgrad."""

import torch

from benchbed_optimizers.amsgrad import amsgrad

SETTINGS = [
    {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-08},
    {"learning_rate": 0.005, "beta1": 0.5, "beta2": 0.99, "epsilon": 0.001},
    {"learning_rate": 0.002, "beta1": 0.0, "beta2": 0.9, "epsilon": 0.01},
]


def test_the_path_equals_its_reference(assert_same_path_as_torch):
    """That of `torch.optim.Adam`."""
    assert_same_path_as_torch(
        amsgrad,
        SETTINGS,
        lambda parameters, setting: torch.optim.Adam(
            parameters,
            lr=setting["learning_rate"],
            betas=(setting["beta1"], setting["beta2"]),
            eps=setting["epsilon"],
            amsgrad=True,
        ),
    )
