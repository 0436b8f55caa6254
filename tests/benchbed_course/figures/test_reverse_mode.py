"""The figures of reverse mode: the document's numbers, and captions from synthetic costs."""

import pytest
import torch

from benchbed_course.figures.forward_mode import document_function, document_jacobian
from benchbed_course.figures.reverse_graph import draw_graph, passes
from benchbed_course.figures.reverse_mode import LABELS, checks, draw_costs, jacobian_by_rows

pytestmark = pytest.mark.slow

OUTPUTS = [1, 10, 100]


@pytest.fixture(scope="module")
def measured():
    """A product costs 3 times as much as f; rows grow with the outputs and exceed the flat columns after 10."""
    flat, inputs = [1e-5] * 3, [10, 1_000, 100_000]
    costs = {
        "f": flat,
        "product": [3e-5] * 3,
        "rows": [2e-5 * m for m in OUTPUTS],
        "rows at once": [4e-5] * 3,
        "columns": [3e-4] * 3,
    }
    return {
        "inputs": {
            "f": {"sizes": inputs, "seconds": [1e-5, 1e-5, 1e-3]},
            "product": {"sizes": inputs, "seconds": [3e-5, 3e-5, 3e-3]},
        },
        "outputs": {name: {"sizes": OUTPUTS, "seconds": seconds} for name, seconds in costs.items()},
        "checks": checks(),
    }


def test_the_documents_jacobians():
    """(7, 1) and (2, 1) by hand; the test function's to 1e-12, with more outputs too."""
    checked = checks()
    assert checked["rows"] == [[7, 1], [2, 1]]
    assert checked["error"] <= 1e-12
    x = torch.tensor([0.3, 1.7, 2.2, 0.9], dtype=torch.float64)
    rows = jacobian_by_rows(document_function(5), x)
    torch.testing.assert_close(rows, document_jacobian(x, 5), rtol=1e-12, atol=0)


def test_the_caption_has_slopes_and_ratios(measured, drawn):
    """Those of the power laws above; forward mode is cheaper where its flat line lies below."""
    figure, picture = drawn(draw_costs, measured)
    for expected in (
        "costs 30 µs at n = 10 and 30 µs at n = 1,000 (slope",
        "At n = 100,000 it costs 3 ms",
        "3.0 evaluations of f at n = 10 and 3.0 at n = 100,000",
        "20 µs at m = 1 and 2 ms at m = 100 (slope 1.00 from m = 10 on)",
        "take 40 µs. Forward mode, which computes columns, takes 300 µs and 300 µs, less than row by row at m = 100.",
        "are (7, 1) and (2, 1), by one pullback",
    ):
        assert expected in picture.caption
    inputs, outputs = figure.axes
    assert [line.get_label() for line in outputs.get_lines()] == [*LABELS.values()]
    assert inputs.get_ylim() == outputs.get_ylim()


def test_costs_are_called_flat_only_if_they_are(measured, drawn):
    """Both are flat up to 1 000 inputs above; costs that grow with the inputs are not, nor is their ratio."""
    _, picture = drawn(draw_costs, measured)
    assert "both are flat there" in picture.caption
    assert "The ratio does not grow with n" in picture.caption
    sizes = measured["inputs"]["f"]["sizes"]
    inputs = {
        "f": {"sizes": sizes, "seconds": [1e-7 * size for size in sizes]},
        "product": {"sizes": sizes, "seconds": [1e-9 * size**2 for size in sizes]},
    }
    _, picture = drawn(draw_costs, measured | {"inputs": inputs})
    assert "flat there" not in picture.caption
    assert "The ratio grows with n" in picture.caption


def test_forward_mode_may_never_be_cheaper(measured, drawn):
    """Its line lies above all rows."""
    expensive = {"sizes": OUTPUTS, "seconds": [1.0] * 3}
    _, picture = drawn(draw_costs, measured | {"outputs": measured["outputs"] | {"columns": expensive}})
    assert "nowhere less than row by row." in picture.caption


def test_the_passes_through_the_graph_are_the_documents():
    """Values and adjoints of all nodes, the two contributions to the first, and the local derivatives."""
    graph = passes(1.0, 2.0)
    assert graph["values"] == {"v₁": 1, "v₂": 2, "v₃": 3, "v₄": 1, "v₅": 3}
    assert graph["adjoints"] == {"v₁": 7, "v₂": 1, "v₃": 1, "v₄": 3, "v₅": 1}
    assert (graph["contributions"]["v₁ v₃"], graph["contributions"]["v₁ v₄"]) == (1, 6)
    assert graph["derivatives"] == {"v₁ v₄": 2, "v₁ v₃": 1, "v₂ v₃": 1, "v₄ v₅": 3, "v₃ v₅": 1}
    assert (graph["value"], graph["gradient"]) == (3, [7, 1])


def test_elsewhere_the_adjoints_are_the_closed_forms():
    """At (3, −5): (3 x₁² + 2 x₁ x₂, x₁²)."""
    graph = passes(3.0, -5.0)
    assert (graph["adjoints"]["v₁"], graph["adjoints"]["v₂"]) == (-3, 9)
    assert graph["gradient"] == [-3, 9]


def test_the_graph_shows_values_derivatives_and_adjoints(drawn):
    """Of five nodes and five edges, with an arrow in each direction, and the gradient in the caption."""
    figure, picture = drawn(draw_graph, passes(3.0, -5.0))
    texts = [text.get_text() for text in figure.axes[0].texts]
    for expected in ("v₁ = x₁", "v₅ = v₃ v₄", "−18", "+ 9", "+ −12", "−3", "∂v₄/∂v₁ = 6", "∂v₅/∂v₄ = −2"):
        assert expected in texts
    arrows = [text for text in figure.axes[0].texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == 10
    assert "The adjoint of v₁, 9 + −12, is the sum over two edges." in picture.caption
    assert "is (−3, 9)." in picture.caption
