"""The profile of a step counts every part of the program, and all of it."""

import importlib

import pytest
import torch


@pytest.fixture
def profile():
    return importlib.import_module("step_profile")


def test_statements_are_cut_where_all_brackets_are_closed(profile):
    """A declaration goes with the statement after it."""
    step = "const int x = 1;\n{\nfor (;;) {\na;\n}\n}\n{ b; }"
    assert list(profile.statements(step)) == ["const int x = 1;\n{\nfor (;;) {\na;\n}\n}", "{ b; }"]


def test_the_parts_make_the_whole(profile):
    """To a tenth: what is left are the loops over steps and lanes, and what they load and store."""
    with torch.no_grad():
        found, clocked, whole = profile.measure(trials=4, steps=50, rounds=3)
    assert "product of 32 × 32 and 32 × 128" in found
    assert all(value > 0 for value in found.values())
    assert 0.9 * clocked <= sum(found.values()) <= clocked
    assert whole > 0
