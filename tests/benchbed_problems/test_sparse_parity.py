"""sparse-parity: targets, an exact network, and invalid sizes."""

import pytest
import torch

from benchbed_problems.sparse_parity import SparseParity


def test_the_target_is_the_product_of_the_first_three_bits():
    """1 if it is positive; both values are about equally frequent."""
    (x, y), _ = SparseParity().make_data()
    assert x.unique().tolist() == [-1, 1]
    assert torch.equal(y.squeeze(-1) > 0.5, x[:, 0] * x[:, 1] * x[:, 2] > 0)
    assert y.mean().item() == pytest.approx(0.5, abs=4 * 0.5 / 2_000**0.5)


def test_three_units_suffice():
    """With the sum s of the three bits: 1.5 − 2 relu(s) − relu(−s) + 8 relu(s − 2) is positive for s = 3 and −1."""
    problem = SparseParity(hidden=3)
    theta = torch.zeros(problem.layout.dimension)
    weights, biases, outputs, offset = problem.layout.views(theta).values()
    for unit, (sign, bias) in enumerate(((1, 0.0), (-1, 0.0), (1, -2.0))):
        weights[unit, :3], biases[unit] = sign, bias
    outputs[0] = torch.tensor([-2.0, -1.0, 8.0])
    offset[0] = 1.5
    accuracy = problem.metrics["validation-accuracy"](theta, problem.shared_data())
    assert accuracy.item() == 1


@pytest.mark.parametrize("parameters", [{"bits": 2}, {"hidden": 0}, {"samples": 0}])
def test_invalid_sizes_are_rejected(parameters):
    """The message names the value and the rule."""
    ((name, value),) = parameters.items()
    with pytest.raises(ValueError, match=f"{name} is {value}; must be at least"):
        SparseParity(**parameters)
