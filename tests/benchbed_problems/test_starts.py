"""The parameter `start`."""

import math

import pytest
import torch

from benchbed_problems.starts import check_start, fixed_start


def test_a_number_stands_for_every_coordinate():
    """`start=2` in three dimensions."""
    assert fixed_start(2.0, 3).tolist() == [2, 2, 2]


def test_a_list_gives_each_coordinate():
    """`start=[1, 2]` in two dimensions."""
    assert fixed_start((1.0, 2.0), 2).tolist() == [1, 2]


def test_a_start_owns_its_memory():
    """An expanded number would not survive an in-place write."""
    start = fixed_start(2.0, 3)
    start[0] = 5
    assert torch.equal(start, torch.tensor([5, 2, 2], dtype=torch.float64))


@pytest.mark.parametrize("start", [(1.0,), (1.0, 2.0, 3.0), ()])
def test_a_list_of_another_length_is_refused(start):
    """The message says how many coordinates are wanted."""
    with pytest.raises(
        ValueError, match=f"start has {len(start)} coordinates; must have 2, or be one number"
    ):
        check_start(start, 2)


@pytest.mark.parametrize("start", [math.nan, math.inf, (1.0, -math.inf)])
def test_a_start_that_is_not_finite_is_refused(start):
    """No trial could begin there."""
    with pytest.raises(ValueError, match="must be finite"):
        check_start(start, 2)


@pytest.mark.parametrize("start", [None, 0.0, (1.0, 2.0)])
def test_a_drawn_or_fitting_start_is_accepted(start):
    """None means: drawn."""
    check_start(start, 2)
