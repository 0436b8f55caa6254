"""The parameter `start`."""

import math

import pytest
import torch

from benchbed_problems.starts import check_start, fixed_start


def test_a_number_applies_to_every_coordinate():
    """`start=2` in three dimensions."""
    assert fixed_start(2.0, 3).tolist() == [2, 2, 2]


def test_a_list_sets_each_coordinate():
    """`start=[1, 2]` in two dimensions."""
    assert fixed_start((1.0, 2.0), 2).tolist() == [1, 2]


def test_a_start_owns_its_memory():
    """An in-place write to an expanded number would change all coordinates."""
    start = fixed_start(2.0, 3)
    start[0] = 5
    assert torch.equal(start, torch.tensor([5, 2, 2], dtype=torch.float64))


@pytest.mark.parametrize("start", [(1.0,), (1.0, 2.0, 3.0), ()])
def test_a_list_of_another_length_is_rejected(start):
    """The message states the required number of coordinates."""
    with pytest.raises(
        ValueError, match=f"start has {len(start)} coordinates; must have 2, or be one number"
    ):
        check_start(start, 2)


@pytest.mark.parametrize("start", [math.nan, math.inf, (1.0, -math.inf)])
def test_a_start_that_is_not_finite_is_rejected(start):
    """inf and NaN are rejected."""
    with pytest.raises(ValueError, match="must be finite"):
        check_start(start, 2)


@pytest.mark.parametrize("start", [None, 0.0, (1.0, 2.0)])
def test_a_valid_start_is_accepted(start):
    """None stands for a random start."""
    check_start(start, 2)
