"""The path of adan."""

import pytest

from benchbed_optimizers.adan import adan

SETTINGS = [
    {
        "learning_rate": 0.001,
        "beta1": 0.98,
        "beta2": 0.92,
        "beta3": 0.99,
        "epsilon": 1e-08,
        "weight_decay": 0.0,
    },
    {"learning_rate": 0.005, "beta1": 0.9, "beta2": 0.9, "beta3": 0.9, "epsilon": 0.001, "weight_decay": 0.1},
    {
        "learning_rate": 0.002,
        "beta1": 0.5,
        "beta2": 0.5,
        "beta3": 0.999,
        "epsilon": 0.01,
        "weight_decay": 1.0,
    },
]


def test_the_path_equals_its_reference(assert_same_path_as_torch):
    """That of `pytorch_optimizer.Adan`."""
    package = pytest.importorskip("pytorch_optimizer")
    assert_same_path_as_torch(
        adan,
        SETTINGS,
        lambda parameters, setting: package.Adan(
            parameters,
            lr=setting["learning_rate"],
            betas=(setting["beta1"], setting["beta2"], setting["beta3"]),
            eps=setting["epsilon"],
            weight_decay=setting["weight_decay"],
            weight_decouple=False,
        ),
    )
