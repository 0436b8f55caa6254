"""The benchmark of torch classes compares two runs that end at the same point."""

import importlib

import pytest

pytestmark = pytest.mark.slow
pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def loops():
    return importlib.import_module("torch_loops")


def test_both_sides_end_at_the_same_point(loops):
    """To the bit, for every class on every problem."""
    rows = list(loops.rows(list(loops.CLASSES), steps=5, rounds=1))
    assert [row[4] for row in rows] == ["equal"] * len(loops.PROBLEMS) * len(loops.CLASSES)
    assert all(microseconds > 0 and ratio > 0 for _, _, microseconds, ratio, _ in rows)
