"""The figure of forward mode: the document's numbers against closed forms, its captions from synthetic costs."""

import math

import pytest
import torch

from benchbed_course.figures.canvas import typeset
from benchbed_course.figures.forward_mode import (
    LABELS,
    checks,
    document_function,
    document_jacobian,
    draw_costs,
    jacobian_by_columns,
)

pytestmark = pytest.mark.slow

SIZES = [10, 100, 1_000]


@pytest.fixture(scope="module")
def measured():
    """f is flat but for its last size, a product costs 5 times as much, the Jacobian n products."""
    seconds = [1e-5, 1e-5, 1e-5, 1e-3]
    sizes = [*SIZES, 100_000]
    return {
        "costs": {
            "f": {"sizes": sizes, "seconds": seconds},
            "product": {"sizes": sizes, "seconds": [5 * each for each in seconds]},
            "columns": {"sizes": SIZES, "seconds": [5e-5 * n for n in SIZES]},
            "pieces": {"sizes": SIZES, "seconds": [5e-6 * n for n in SIZES]},
        },
        "checks": checks(),
    }


def test_the_documents_numbers():
    """(e, 2e) by dual numbers; product and Jacobian against the closed form, computed here with plain floats."""
    checked = checks()
    assert checked["dual"] == {
        "exp(x²) at x = 1": [2.718281828459045, 5.43656365691809, 2 * math.e],
        "cos(x³) at x = 2": [-0.14550003380861354, -11.872298959480581, -12 * math.sin(8)],
    }
    roots = [math.sqrt(x) for x in (1, 2, 3)]
    row = [-math.exp(-sum(roots) / 3) / (6 * root) for root in roots]
    product = sum(slope * v for slope, v in zip(row, (0.1, 0.2, 0.3), strict=True))
    assert checked["product"] == pytest.approx([product] * 2, rel=1e-14)
    assert max(checked["errors"].values()) <= 1e-12
    x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    assert document_jacobian(x, 2).tolist() == [pytest.approx(row, rel=1e-14)] * 2
    assert jacobian_by_columns(document_function(2), x).tolist() == [pytest.approx(row, rel=1e-14)] * 2


def test_the_code_prints_the_numbers_of_the_caption(measured, drawn, capsys):
    """Executed from the caption itself, without any other name."""
    caption = drawn(draw_costs, measured)[1].caption
    exec("\n".join(line.strip() for line in caption.splitlines() if line.startswith("    ")), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "2.718281828459045 + 5.43656365691809 ε",
        "-0.14550003380861354 + -11.872298959480581 ε",
    ]
    for line in printed:
        assert typeset(line) in caption


def test_an_error_of_the_jacobian_is_reported(monkeypatch):
    """With a closed form that is wrong in one entry, the errors are that large."""
    correct = document_jacobian

    def wrong(x, outputs):
        return correct(x, outputs) + torch.tensor([[0.0, 1e-3, 0.0], [0.0] * 3], dtype=torch.float64)

    monkeypatch.setattr("benchbed_course.figures.forward_mode.document_jacobian", wrong)
    assert checks()["errors"]["Jacobian"] == pytest.approx(1e-3, rel=1e-9)
    assert checks()["errors"]["dual product"] == pytest.approx(2e-4, rel=1e-9)


def test_the_caption_has_slopes_and_ratios(measured, drawn):
    """Those of the power laws above."""
    figure, picture = drawn(draw_costs, measured)
    for expected in (
        "product costs 50 µs at n = 10 and 50 µs at n = 1,000 (slope",
        "500 µs and 50 ms (slope 1.00), as much as 1,000 products at n = 1,000",
        "5 ms are enough there, and 5 ms at n = 1,000",
        "5.0 evaluations of f at n = 10 and 5.0 at n = 100,000",
        "2.718281828459045 + 5.43656365691809 ε",
        "(−0.017349, −0.017349)",
    ):
        assert expected in picture.caption
    seconds, ratios = figure.axes
    assert [line.get_label() for line in seconds.get_lines()] == [*LABELS.values()]
    columns = ratios.get_lines()[2]
    assert columns.get_ydata() == pytest.approx([5 * n for n in SIZES])
    assert set(picture.files) == {"png", "svg"}


def test_costs_are_called_flat_only_if_they_are(measured, drawn):
    """f is flat above; a product that grows faster than f has a ratio that grows."""
    _, picture = drawn(draw_costs, measured)
    assert "f and a product are flat there" in picture.caption
    assert "The ratio of their costs does not grow with n" in picture.caption
    sizes = measured["costs"]["f"]["sizes"]
    costs = measured["costs"] | {
        "f": {"sizes": sizes, "seconds": [1e-7 * size for size in sizes]},
        "product": {"sizes": sizes, "seconds": [1e-9 * size**2 for size in sizes]},
    }
    _, picture = drawn(draw_costs, measured | {"costs": costs})
    assert "Up to n = 1,000 the slope of f is 1.00." in picture.caption
    assert "flat there" not in picture.caption
    assert "The ratio of their costs grows with n" in picture.caption
