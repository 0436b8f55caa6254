"""Tests of `Figure`."""

import math

import pytest

from benchbed.interfaces import Figure
from benchbed.interfaces.figure import function_of


@pytest.mark.parametrize("sources", [{}, {"suite": ()}, {"suite": "mine", "measure": "mine:measure"}])
def test_a_figure_has_one_source(sources):
    """Neither and both are rejected."""
    with pytest.raises(ValueError, match="give it one of them"):
        Figure("edge", "The edge", "mine:draw", **sources)


@pytest.mark.parametrize("draw", ["mine", "mine:", ":draw", "mine.draw", "mine:draw()", 3])
def test_a_figure_needs_a_function(draw):
    """Other values are rejected with the form of an import path."""
    with pytest.raises(ValueError, match=r"'package\.module:function'"):
        Figure("edge", "The edge", draw, suite="mine")


def test_an_import_path_is_imported():
    """The path is module:function."""
    assert function_of("math:sqrt") is math.sqrt


def test_a_function_is_returned_unchanged():
    """A plugin in a single file is not importable by a path."""
    assert function_of(math.sqrt) is math.sqrt
