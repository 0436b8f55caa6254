"""A figure is drawn from a suite or from a measurement, by functions that may be named only."""

import math

import pytest

from benchbed.interfaces import Figure
from benchbed.interfaces.figure import function_of


@pytest.mark.parametrize("sources", [{}, {"suite": ()}, {"suite": "mine", "measure": "mine:measure"}])
def test_a_figure_has_one_source(sources):
    """Neither and both are refused."""
    with pytest.raises(ValueError, match="give it one of them"):
        Figure("edge", "The edge", "mine:draw", **sources)


@pytest.mark.parametrize("draw", ["mine", "mine:", ":draw", "mine.draw", "mine:draw()", 3])
def test_a_figure_needs_a_function(draw):
    """What names no function is refused with the form that does."""
    with pytest.raises(ValueError, match=r"'package\.module:function'"):
        Figure("edge", "The edge", draw, suite="mine")


def test_a_named_function_is_imported():
    """The name means what it says."""
    assert function_of("math:sqrt") is math.sqrt


def test_a_function_stands_for_itself():
    """A plugin in a single file has no name that others could import."""
    assert function_of(math.sqrt) is math.sqrt
