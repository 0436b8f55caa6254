"""The figure of the pullback: its example, its theory, and its caption from synthetic times."""

import pytest
import torch

from benchbed_course.figures import pullback
from benchbed_course.figures.pullback import (
    ADJOINTS,
    FORWARD,
    LINES,
    REPEATED,
    SHARED,
    draw_pullback,
    example,
    theory,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def measured():
    """A forward pass takes 3 ms, a call 1 ms; repeated passes are a tenth slower than in theory."""
    sizes = [*ADJOINTS]
    costs = {
        FORWARD: {"sizes": [1], "seconds": [3e-3]},
        SHARED: {"sizes": sizes, "seconds": [3e-3 + 1e-3 * m for m in sizes]},
        REPEATED: {"sizes": sizes, "seconds": [1.1 * 4e-3 * m for m in sizes]},
    }
    return {"costs": costs, **example()}


def test_the_code_runs_as_the_caption_shows_it(measured, drawn):
    """Executed from the caption itself, without any other name: the value (3, 2), the rows (7, 1) and (2, 1)."""
    caption = drawn(draw_pullback, measured)[1].caption
    lines = [line.strip() for line in caption.splitlines() if line.startswith("    ")]
    assert lines == list(LINES)
    names = {}
    exec("\n".join(lines), names)
    assert names["value"].tolist() == [3.0, 2.0]
    assert [row.tolist() for row in names["rows"]] == [[7.0, 1.0], [2.0, 1.0]]
    assert "the value is (3, 2) and the rows are (7, 1) and (2, 1)" in caption


def test_the_theory_follows_from_a_pass_and_a_call(measured):
    """f + m b and m (f + b) with f = 3 ms and b = 1 ms, without the repeated curve."""
    expected = theory(measured["costs"])
    assert expected[SHARED]["seconds"] == pytest.approx([3e-3 + 1e-3 * m for m in ADJOINTS])
    assert expected[REPEATED]["seconds"] == pytest.approx([4e-3 * m for m in ADJOINTS])


def test_the_caption_compares_times_with_the_theory(measured, drawn):
    """At 32 adjoints: 128 ms against 35 ms in theory, 1.1 times as much as measured."""
    figure, picture = drawn(draw_pullback, measured)
    for expected in (
        "f = 3 ms and a call of the pullback b = 1 ms",
        "For m = 32 they take 35 ms and 141 ms, a ratio of 4.02, where theory expects 3.66",
    ):
        assert expected in picture.caption
    ratios, expected_ratios = figure.axes[1].get_lines()
    assert ratios.get_ydata() == pytest.approx([1.1 * value for value in expected_ratios.get_ydata()])
    assert set(picture.files) == {"png", "svg"}


def test_shared_and_repeated_passes_compute_the_same_products(monkeypatch):
    """Of a small network with two different adjoints."""
    monkeypatch.setattr(pullback, "UNITS", 6)
    monkeypatch.setattr(pullback, "POINTS", 3)
    calls = pullback.calls_of_adjoints(2)
    shared, repeated = ([product for (product,) in calls[name]()] for name in (SHARED, REPEATED))
    assert [product.shape for product in shared] == [(6, 3), (6, 3)]
    assert all(torch.equal(first, second) for first, second in zip(shared, repeated, strict=True))
    assert not torch.equal(*shared)
    assert FORWARD in pullback.calls_of_adjoints(1)
    assert FORWARD not in calls
