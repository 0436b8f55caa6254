"""The path of adafactor."""

import pytest
import torch

from benchbed.interfaces import Layout
from benchbed_optimizers.adafactor import adafactor

SETTINGS = [
    {"learning_rate": 0.01, "exponent": 0.8, "threshold": 1.0, "smallest_scale": 1e-3, "weight_decay": 0.0},
    {"learning_rate": 2e-3, "exponent": 0.5, "threshold": 1.5, "smallest_scale": 1e-2, "weight_decay": 0.1},
    {"learning_rate": 1e-3, "exponent": 1.0, "threshold": 2.0, "smallest_scale": 0.1, "weight_decay": 1.0},
]


def test_the_path_equals_its_reference(assert_same_path_as_torch):
    """That of `torch.optim.Adafactor`."""
    assert_same_path_as_torch(
        adafactor,
        SETTINGS,
        lambda parameters, setting: torch.optim.Adafactor(
            parameters,
            lr=setting["learning_rate"],
            beta2_decay=-setting["exponent"],
            eps=(None, setting["smallest_scale"]),
            d=setting["threshold"],
            weight_decay=setting["weight_decay"],
        ),
    )


@pytest.mark.parametrize("shape", [(4, 6), (2, 3, 2, 2), (24,)])
def test_the_scale_of_the_loss_does_not_matter(shape, oracle_of):
    """In float32 too, where squared gradients of 10⁻¹⁶ are far below the precision; columns of 0 stay."""
    optimizer = adafactor(Layout({"block": shape}))
    generator = torch.Generator().manual_seed(1)
    gradients = torch.randn(5, 24, generator=generator)
    gradients[:, ::2] = 0
    ends = []
    for scale in (1.0, 1e-8):
        theta = torch.linspace(1, 2, 24)
        state = optimizer.init(theta)
        for gradient in gradients:
            theta, state = optimizer.update(oracle_of(scale * gradient), state, theta)
        ends.append(theta)
    torch.testing.assert_close(*ends, rtol=1e-5, atol=0)
    assert (ends[0] != torch.linspace(1, 2, 24)).tolist() == [False, True] * 12


def test_the_state_of_a_matrix_has_a_number_for_each_row_and_column():
    """A convolution has them for each of its matrices, and a vector has a number for each coordinate."""
    layout = Layout({"weight": (3, 5), "bias": (3,), "kernel": (2, 3, 4, 5), "scale": ()})
    rows, columns = adafactor(layout).init(torch.zeros(7, layout.dimension))
    assert (rows.shape, columns.shape) == ((7, 3 + 3 + 2 * 3 * 4 + 1), (7, 5 + 2 * 3 * 5))


@pytest.mark.parametrize("name", ["exponent", "threshold"])
def test_values_without_meaning_are_rejected(name):
    """Without memory of gradients, or without steps."""
    with pytest.raises(ValueError, match=f"{name} is 0; it must be above 0"):
        adafactor(Layout({"theta": (2,)}), **{name: 0.0})
