"""The path of signsgd."""

import pytest

from benchbed_optimizers.signsgd import signsgd

SETTINGS = [
    {"learning_rate": 0.001},
    {"learning_rate": 0.01},
    {"learning_rate": 0.0001},
]


def test_the_path_equals_its_reference(assert_same_path_as_torch):
    """That of `pytorch_optimizer.SignSGD`."""
    package = pytest.importorskip("pytorch_optimizer")
    assert_same_path_as_torch(
        signsgd,
        SETTINGS,
        lambda parameters, setting: package.SignSGD(parameters, lr=setting["learning_rate"], momentum=0.0),
    )
