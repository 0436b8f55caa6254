"""Instances share the random numbers of a transform if there are many, or if the user chooses a seed."""

from benchbed_problems.quadratic import Quadratic
from benchbed_problems.transforms.sharing import is_shared


def test_small_problems_have_numbers_of_their_own():
    """Up to 256 coordinates, without a seed."""
    assert not is_shared(Quadratic(dimension=256), None)
    assert is_shared(Quadratic(dimension=257), None)
    assert is_shared(Quadratic(), 0)
