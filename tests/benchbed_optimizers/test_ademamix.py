"""The path of ademamix."""

import pytest

from benchbed_optimizers.ademamix import ademamix

SETTINGS = [
    {"learning_rate": 1e-3, "beta3": 0.9999, "alpha": 5.0, "weight_decay": 0.0},
    {"learning_rate": 5e-3, "beta3": 0.99, "alpha": 1.0, "weight_decay": 0.1},
    {"learning_rate": 2e-3, "beta3": 0.999, "alpha": 8.0, "weight_decay": 1.0},
]


def test_the_path_equals_its_reference(assert_same_path_as_torch):
    """That of `pytorch_optimizer.AdEMAMix`."""
    package = pytest.importorskip("pytorch_optimizer")
    assert_same_path_as_torch(
        ademamix,
        SETTINGS,
        lambda parameters, setting: package.AdEMAMix(
            parameters,
            lr=setting["learning_rate"],
            betas=(0.9, 0.999, setting["beta3"]),
            alpha=setting["alpha"],
            weight_decay=setting["weight_decay"],
            weight_decouple=True,
        ),
    )
