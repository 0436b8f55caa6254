"""Captions are wrapped to the width of the figure, and files are reproducible."""

import itertools

import pytest
from matplotlib.figure import Figure

from benchbed.plotting import render_images, save_figure
from benchbed.plotting.figure import wrap_caption

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("width", [0.5, 2.0, 9.0])
def test_wrapping_keeps_every_word(width):
    """Lines are as long as the width allows, measured as matplotlib draws them; a longer word stands alone."""
    text = "a median of 20 seeds, " * 5 + "w" * 60 + " and more"
    lines = wrap_caption(text, width)
    assert " ".join(lines) == text
    figure = Figure(
        dpi=720
    )  # hinting moves no letter by more than a thousandth of an inch at this resolution
    lengths = [figure.text(0, 0, line, fontsize=8).get_window_extent().width / 720 for line in lines]
    assert all(length < 1.01 * width or " " not in line for length, line in zip(lengths, lines, strict=True))
    for line, following in itertools.pairwise(lines):
        longer = f"{line} {following.partition(' ')[0]}"
        assert figure.text(0, 0, longer, fontsize=8).get_window_extent().width / 720 > 0.99 * width


def test_images_are_png_and_svg():
    """Both formats, by suffix."""
    images = render_images(Figure())
    assert images["png"].startswith(b"\x89PNG")
    assert b"<svg" in images["svg"]


def test_a_caption_makes_the_figure_higher():
    """Panels keep their height; an empty caption changes nothing."""
    figure = Figure(figsize=(9, 3))
    assert set(save_figure(figure, "x", "")) == {"plots/x.png", "plots/x.svg"}
    assert figure.get_size_inches().tolist() == [9, 3]
    save_figure(figure, "x", "one line", "another")
    assert figure.get_size_inches()[1] > 3.2
