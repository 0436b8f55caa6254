"""The path of signum."""

import pytest

from benchbed_optimizers.signum import signum

SETTINGS = [
    {"learning_rate": 1e-3, "beta": 0.9},
    {"learning_rate": 1e-2, "beta": 0.5},
    {"learning_rate": 1e-4, "beta": 0.99},
]


def test_the_path_equals_its_reference(assert_same_path_as_torch):
    """That of `pytorch_optimizer.SignSGD`."""
    package = pytest.importorskip("pytorch_optimizer")
    assert_same_path_as_torch(
        signum,
        SETTINGS,
        lambda parameters, setting: package.SignSGD(
            parameters, lr=setting["learning_rate"], momentum=setting["beta"]
        ),
    )
