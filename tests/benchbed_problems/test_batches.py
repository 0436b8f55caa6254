"""What the problems with mini-batches share."""

import pytest
import torch

from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.toy_mean import ToyMean

MAKERS = [ToyMean, PolynomialNetwork]


@pytest.mark.parametrize("make", MAKERS)
def test_a_step_draws_rows_of_the_sample(make):
    """Each within the sample, with replacement, and the same from equal generators."""
    problem = make(samples=5, batch_size=4)
    drawn = problem.make_draws(torch.Generator().manual_seed(1), 200)
    assert drawn.shape == (200, 4)
    assert set(drawn.flatten().tolist()) == set(range(5))
    assert (drawn.sort(-1).values.diff(dim=-1) == 0).any()
    torch.testing.assert_close(problem.make_draws(torch.Generator().manual_seed(1), 200), drawn)
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
def test_sizes_that_do_not_fit_are_refused(make, sizes, complaint):
    """In one sentence, with a way out."""
    with pytest.raises(ValueError, match=complaint):
        make(**sizes)
