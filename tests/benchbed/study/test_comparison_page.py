"""The table of a comparison's page contains the changes, on one scale."""

from math import nan

import pytest

from benchbed.interfaces import ALL_PROBLEMS
from benchbed.study.compare import Change
from benchbed.study.comparison_page import change_table


def test_all_intervals_have_one_scale():
    """From the lowest limit to the highest; a difference without limits is a point."""
    sampled = Change("runge", "gd", "default", 0.5, 0.4, -0.1, -0.2, 0.0, 0.01, 0.02, 0.1, is_exact=False)
    exact = Change("quadratic", "adam", "tuned", 0.4, 0.6, 0.2, nan, nan, nan, nan, nan, is_exact=True)
    equal = Change(ALL_PROBLEMS, "gd", "tuned", 0.5, 0.5, 0.0, -0.05, 0.05, 1.0, 1.0, 0.1, is_exact=False)
    table = change_table([sampled, exact, equal], ["adam", "gd"], "Differences")
    first, second, third = table.rows
    assert first.interval == pytest.approx((0, 25, 50))
    assert second.interval == pytest.approx((100, 100, 100))
    assert third.interval == pytest.approx((37.5, 50, 62.5))
    assert [(row.optimizers, row.track) for row in table.rows] == [
        ("1", "default"),
        ("0", "tuned"),
        ("1", "tuned"),
    ]
    texts = [dict(zip(table.headers, (cell.text for cell in row.cells), strict=True)) for row in table.rows]
    assert [row["difference"] for row in texts] == [
        "-0.100 [-0.200, +0.000]",
        "+0.200 exact",
        "+0.000 [-0.050, +0.050]",
    ]
    assert [row["significant"] for row in texts] == ["yes", "yes", "no"]
    assert texts[2]["problem"] == "(mean over problems)"
