"""The base class of the problems with mini-batches."""

import pytest
import torch

from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.toy_mean import ToyMean

MAKERS = [ToyMean, PolynomialNetwork]


@pytest.mark.parametrize("make", MAKERS)
def test_a_step_draws_indices_of_samples(make):
    """The indices are in range, drawn with replacement, and the same from equal generators."""
    problem = make(samples=5, batch_size=4)
    indices = problem.make_draws(torch.Generator().manual_seed(1), 200)
    assert indices.shape == (200, 4)
    assert set(indices.flatten().tolist()) == set(range(5))
    assert (indices.sort(-1).values.diff(dim=-1) == 0).any()
    torch.testing.assert_close(problem.make_draws(torch.Generator().manual_seed(1), 200), indices)
    assert problem.full_price == 1.25


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("sizes", "complaint"),
    [
        ({"samples": 0}, "samples is 0; must be at least 1"),
        ({"batch_size": 0}, "batch_size is 0; must be at least 1"),
        ({"samples": 3, "batch_size": 4}, "batch_size is 4, but samples is 3; choose a smaller batch"),
    ],
)
def test_invalid_sizes_are_rejected(make, sizes, complaint):
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match=complaint):
        make(**sizes)
