"""Both orders of a product of Jacobians: counts against loops and torch, captions from synthetic times."""

import itertools

import numpy as np
import pytest
import torch

from benchbed_course.figures.multiplication_order import (
    FORWARD,
    HIDDEN,
    REVERSE,
    SHAPES,
    counted_multiplications,
    draw_orders,
    products,
    seconds_per_multiplication,
    theory,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def measured():
    """Times of one nanosecond for each multiplication, and twice that in forward mode."""
    return [
        {
            "outputs": outputs,
            "inputs": inputs,
            "multiplications": theory(outputs, inputs, HIDDEN),
            "seconds": {
                order: (2e-9 if order == FORWARD else 1e-9) * count
                for order, count in theory(outputs, inputs, HIDDEN).items()
            },
        }
        for outputs, inputs in SHAPES
    ]


def loops(rows, middle, columns):
    """Count the innermost steps of the textbook's three loops."""
    return sum(1 for _ in itertools.product(range(rows), range(columns), range(middle)))


@pytest.mark.parametrize(("outputs", "inputs", "hidden"), [(1, 5, 3), (4, 1, 2), (3, 3, 3), (2, 7, 4)])
def test_counts_are_those_of_three_loops(outputs, inputs, hidden):
    """By formula, and by torch's counter while the matrices are multiplied."""
    expected = {
        REVERSE: loops(outputs, hidden, hidden) + loops(outputs, hidden, inputs),
        FORWARD: loops(hidden, hidden, inputs) + loops(outputs, hidden, inputs),
    }
    assert theory(outputs, inputs, hidden) == expected
    calls = products(outputs, inputs, hidden)
    assert {order: counted_multiplications(call) for order, call in calls.items()} == expected
    torch.testing.assert_close(calls[REVERSE](), calls[FORWARD](), rtol=1e-12, atol=1e-12)
    assert calls[REVERSE]().shape == (outputs, inputs)


def test_every_jacobian_has_equally_many_entries():
    """From many outputs of one input to one output of many inputs."""
    assert SHAPES[0] == (1024, 1)
    assert SHAPES[-1] == (1, 1024)
    assert {outputs * inputs for outputs, inputs in SHAPES} == {1024}


def test_the_caption_has_counts_times_and_ratios(measured, drawn):
    """Those of the synthetic times, at both ends; a wrong count is not counted as agreement."""
    caption = drawn(draw_orders, measured)[1].caption
    for expected in (
        "14 of 14 counts, by torch's counter, equal the theory",
        (
            "With m = 1 and n = 1,024, the gradient of a loss, reverse mode takes 327,680 multiplications and 328 µs, "
            "forward mode 67,371,008 and 135 ms: 206 times the multiplications, 411 times the time."
        ),
        "With m = 1,024 and n = 1, the derivative of a curve, forward mode takes 327,680 multiplications",
        "1.5 ns, the time of one at m = n",
        "for m = 1 a multiplication takes 1 ns in reverse mode",
        "uses each number once, and 2 ns in forward mode",
    ):
        assert expected in caption
    assert seconds_per_multiplication(measured) == pytest.approx(1.5e-9)
    wrong = [*measured[:-1], measured[-1] | {"multiplications": {REVERSE: 1, FORWARD: 67_371_008}}]
    assert "13 of 14 counts" in drawn(draw_orders, wrong)[1].caption


def test_counts_lie_on_the_lines_of_the_theory(measured, drawn):
    """And times on lines that cross where m = n."""
    figure, picture = drawn(draw_orders, measured)
    counts, seconds = figure.axes
    reverse, reverse_theory, forward, forward_theory = counts.get_lines()
    for points, curve in ((reverse, reverse_theory), (forward, forward_theory)):
        interpolated = np.interp(
            np.log(points.get_xdata()), np.log(curve.get_xdata()), np.log(curve.get_ydata())
        )
        assert np.exp(interpolated) == pytest.approx(points.get_ydata(), rel=1e-3)
    assert list(forward.get_ydata()) == list(reverse.get_ydata())[::-1]
    line = seconds.get_lines()[1]
    assert line.get_ydata() == pytest.approx(1.5e-9 * reverse_theory.get_ydata())
    assert set(picture.files) == {"png", "svg"}
