"""The path of sgd on the stochastic loss."""

import torch

from benchbed_optimizers.sgd import sgd

SETTINGS = [{"learning_rate": rate} for rate in (1e-2, 1e-3, 1e-4)]


def test_the_path_equals_torch(assert_same_path_as_torch):
    """`torch.optim.SGD` takes the same steps on the same draws."""
    assert_same_path_as_torch(
        sgd, SETTINGS, lambda parameters, setting: torch.optim.SGD(parameters, lr=setting["learning_rate"])
    )


def test_the_gradient_is_the_stochastic_one():
    """sgd differs from gd only in its gradient."""
    assert not sgd().full_batch
