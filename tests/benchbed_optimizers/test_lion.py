"""The path of lion."""

import pytest

from benchbed_optimizers.lion import lion

SETTINGS = [
    {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0},
    {"learning_rate": 0.005, "beta1": 0.5, "beta2": 0.9, "weight_decay": 0.1},
    {"learning_rate": 0.002, "beta1": 0.95, "beta2": 0.98, "weight_decay": 1.0},
]


def test_the_path_equals_its_reference(assert_same_path_as_torch):
    """That of `pytorch_optimizer.Lion`."""
    package = pytest.importorskip("pytorch_optimizer")
    assert_same_path_as_torch(
        lion,
        SETTINGS,
        lambda parameters, setting: package.Lion(
            parameters,
            lr=setting["learning_rate"],
            betas=(setting["beta1"], setting["beta2"]),
            weight_decay=setting["weight_decay"],
        ),
    )
