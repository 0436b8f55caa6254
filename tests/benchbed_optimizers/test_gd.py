"""The path of gd on the full objective."""

import torch

from benchbed_optimizers.gd import gd

SETTINGS = [{"learning_rate": rate} for rate in (1e-2, 1e-3, 1e-4)]


def test_the_path_equals_torch_sgd_on_the_objective(assert_same_path_as_torch):
    """`torch.optim.SGD` without momentum has the same update."""
    assert_same_path_as_torch(
        gd, SETTINGS, lambda parameters, setting: torch.optim.SGD(parameters, lr=setting["learning_rate"])
    )


def test_the_path_on_a_quadratic_is_a_geometric_sequence(quadratic_path):
    """Each coordinate follows θₙ = (1 − ηλ)ⁿ θ₀."""
    rate, steps = 0.015, 160
    path = quadratic_path(gd(learning_rate=rate), steps)
    factor = 1 - rate * torch.tensor([1.0, 100.0], dtype=torch.float64)
    expected = 2 * factor ** torch.arange(steps + 1, dtype=torch.float64)[:, None]
    torch.testing.assert_close(path, expected, rtol=1e-12, atol=1e-12)


def test_the_gradient_is_the_full_one():
    """gd differs from sgd only in its gradient."""
    assert gd().full_batch
