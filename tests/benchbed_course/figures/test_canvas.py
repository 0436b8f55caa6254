"""What the figures of the course share."""

import textwrap

import pytest

from benchbed_course.figures.canvas import NO_BREAK, canvas, legend_below, picture, share_heights, typeset

pytestmark = pytest.mark.slow


def test_panels_share_the_limits_that_all_of_them_need():
    """From the lowest value of any panel to the highest."""
    _, panels = canvas(columns=2)
    for axes, values in zip(panels, ((0, 1), (-5, 0.5)), strict=True):
        axes.plot(values)
    share_heights(panels)
    assert panels[0].get_ylim() == panels[1].get_ylim()
    low, high = panels[0].get_ylim()
    assert low < -5
    assert high > 1


def test_the_legend_below_has_the_entries_of_all():
    """In the order of the panels, below all of them."""
    figure, panels = canvas(columns=2)
    panels[0].plot([0, 1], label="first")
    panels[1].plot([0, 1], label="second")
    legend_below(figure, *panels)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["first", "second"]
    assert legend.get_window_extent().y1 <= min(axes.get_tightbbox().y0 for axes in panels) + 1


def test_a_label_that_panels_share_appears_once_in_the_legend():
    """And a long legend is broken into rows."""
    figure, panels = canvas(columns=2)
    for axes in panels:
        axes.plot([0, 1], label="both")
    for number in range(9):
        panels[1].plot([0, 1], label=f"line {number}")
    legend_below(figure, *panels)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()].count("both") == 1
    assert legend.get_window_extent().width <= figure.bbox.width


def test_numbers_are_typeset():
    """Negative numbers have a minus sign and small numbers a power of ten; names and code stay as they are."""
    typeset_text = typeset("from -3 to 2.5e-04, (-1, 1e-06) or 3e+12")
    assert typeset_text.replace(NO_BREAK, " ") == "from −3 to 2.5 × 10⁻⁴, (−1, 10⁻⁶) or 3 × 10¹²"
    code = "    loss = f([-3] * 10, tolerance=1e-6)"
    assert typeset(f"finite-difference, 1-2 and x2e-3\n{code}") == f"finite-difference, 1-2 and x2e-3\n{code}"


def test_a_line_break_does_not_split_a_number():
    """The spaces around × do not break."""
    assert textwrap.wrap(typeset("2e-04"), 4, break_long_words=False) == [typeset("2e-04")]


def test_titles_and_captions_are_typeset():
    """In the figure as in the caption."""
    figure, (axes,) = canvas()
    axes.set_title("loss 1.0e-03")
    caption = picture(figure, "From -1", "to 2e-05.").caption
    assert caption.replace(NO_BREAK, " ") == "From −1 to 2 × 10⁻⁵."
    assert axes.get_title().replace(NO_BREAK, " ") == "loss 1.0 × 10⁻³"
