"""Checks of transforms find wrong inverses and unequal problems."""

from dataclasses import dataclass

import pytest

from benchbed.interfaces import FunctionProblem, TransformedProblem
from benchbed.testing import ConformanceError, check_transform
from benchbed_problems import TRANSFORMS
from benchbed_problems.digits_mlp import DigitsMlp
from benchbed_problems.quadratic import Quadratic


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda transform: transform.__name__)
def test_the_built_in_transforms_conform(transform):
    """Around problems with data of each instance, with shared data, and for single trials."""
    check_transform(transform)
    check_transform(transform, Quadratic(dimension=3))
    check_transform(transform, FunctionProblem(lambda point: point.square().sum(), [1.0, 2.0], minimum=0.0))


@pytest.mark.slow
def test_networks_can_be_transformed():
    """In blocks; the loss has kinks in few coordinates near the starts."""
    for transform in TRANSFORMS[1:]:
        check_transform(transform, DigitsMlp())


@dataclass(frozen=True)
class Halved(TransformedProblem):
    """Coordinates of half the size."""

    def to_original(self, theta, own):
        return 2 * theta

    def from_original(self, theta, own):
        return theta


def test_a_wrong_inverse_is_a_fault():
    """The start and the minimizer would be other points."""
    with pytest.raises(ConformanceError, match="objective at its minimizer"):
        check_transform(Halved)
    with pytest.raises(ConformanceError, match="let from_original be the inverse of to_original"):
        check_transform(Halved, FunctionProblem(lambda point: point.square().sum(), [1.0, 2.0]))


def test_unequal_problems_are_a_fault():
    """Scales and compiled steps are cached by the problem."""
    with pytest.raises(ConformanceError, match="unequal problems for equal arguments"):
        check_transform(lambda problem: FunctionProblem(lambda point: point.square().sum(), [1.0, 2.0]))


def test_another_result_is_a_fault():
    """A function that forgets to return."""
    with pytest.raises(ConformanceError, match="returns None; return a problem"):
        check_transform(lambda problem: None)
