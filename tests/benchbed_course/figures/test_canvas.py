"""What the figures of the course share."""

from benchbed_course.figures.canvas import canvas, legend_below, share_heights


def test_the_panels_of_a_row_share_what_all_need():
    """From the lowest value of any to the highest of any."""
    _, panels = canvas(columns=2)
    for axes, values in zip(panels, ((0, 1), (-5, 0.5)), strict=True):
        axes.plot(values)
    share_heights(panels)
    assert panels[0].get_ylim() == panels[1].get_ylim()
    low, high = panels[0].get_ylim()
    assert low < -5
    assert high > 1


def test_the_legend_below_has_the_entries_of_all():
    """In the order of the panels, and it lies under them."""
    figure, panels = canvas(columns=2)
    panels[0].plot([0, 1], label="first")
    panels[1].plot([0, 1], label="second")
    legend_below(figure, *panels)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["first", "second"]
    assert legend.get_window_extent().y1 <= min(axes.get_tightbbox().y0 for axes in panels) + 1
