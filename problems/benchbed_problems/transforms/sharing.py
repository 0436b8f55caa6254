"""The choice between random numbers of each instance and those that all instances share."""

from benchbed.interfaces import Problem

LARGEST_OWN = 256
"""Coordinates up to which each instance has random numbers of its own: more would need much memory."""


def is_shared(problem: Problem, seed: int | None) -> bool:
    """Return whether all instances of a transformed problem share the random numbers of the transform."""
    return seed is not None or problem.layout.dimension > LARGEST_OWN
