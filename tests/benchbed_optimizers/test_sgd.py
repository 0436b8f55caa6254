"""sgd: the path of plain gradient descent, on the stochastic oracle."""

import torch

from benchbed_optimizers.sgd import sgd

SETTINGS = [{"learning_rate": rate} for rate in (1e-2, 1e-3, 1e-4)]


def test_the_path_is_that_of_torch_sgd(assert_same_path_as_torch):
    """Draw by draw, `torch.optim.SGD` takes the same steps."""
    assert_same_path_as_torch(
        sgd, SETTINGS, lambda parameters, setting: torch.optim.SGD(parameters, lr=setting["learning_rate"])
    )


def test_the_stochastic_gradient_is_consumed():
    """What tells sgd from gd is the oracle, not the rule."""
    assert not sgd().full_batch
