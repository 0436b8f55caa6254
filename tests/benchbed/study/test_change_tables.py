"""Tables of changes mark those that are significant."""

import json
from math import nan

import pytest

from benchbed.study.change_tables import footnote, render_changes
from benchbed.study.compare import Change

SAMPLED = Change("runge", "gd", "default", 0.5, 0.4, -0.1, -0.2, 0.01, 0.06, 0.06, 0.15, is_exact=False)
EXACT = Change("quadratic", "gd", "default", 0.5, 0.4, -0.1, nan, nan, nan, nan, nan, is_exact=True)


@pytest.mark.parametrize(
    ("change", "is_significant"),
    [
        (SAMPLED, False),
        (SAMPLED._replace(adjusted_p=0.04), True),
        (EXACT, True),
        (EXACT._replace(difference=1e-12), False),
    ],
    ids=["large p", "small p", "exact", "equal"],
)
def test_significance_is_that_of_the_verdict(change, is_significant):
    """An exact difference has no p, and needs none; rounding is not a difference."""
    (row,) = json.loads(render_changes([change], "json", [], 80, False, "utf-8"))["changes"]
    assert row["is_significant"] is is_significant
    assert ("*|" in render_changes([change], "markdown", [], 80, False, "utf-8").replace(" ", "")) is (
        is_significant
    )


def test_the_footnote_describes_the_star():
    """Exact rows are named where there are any."""
    assert footnote([SAMPLED]).startswith("* significant: Holm's adjusted p over 1 row is below 0.05; 80 %")
    assert "over 1 row is below 0.05, or exact scores differ; 80 %" in footnote([SAMPLED, EXACT])
    assert footnote([EXACT]).startswith("* different: the scores are exact; no row has a test")
    assert footnote([SAMPLED._replace(adjusted_p=nan)]).startswith("no row has a test")
