"""Optimizers are distinguishable in color and in print, and labels are drawn literally."""

import matplotlib as mpl
import pytest

from benchbed.plotting import line_styles, palette, theme, wrap_label


@pytest.mark.parametrize("count", [1, 2, 10, 11, 25, 50])
def test_line_styles_are_distinct(count):
    """Colors differ, and so do the pairs of dashes and marker."""
    names = [f"optimizer-{i}" for i in range(count)]
    assert len(set(palette(names).values())) == count
    assert len({(style.dashes, style.marker) for style in line_styles(names).values()}) == count


def test_palette_and_line_styles_agree():
    """Colors follow the order of the plan in every plot."""
    names = ["gd", "adam", "sgd"]
    assert palette(names) == {name: style.color for name, style in line_styles(names).items()}


@pytest.mark.parametrize(
    "text", ["a$b$_c$", "x[beta=[0.1, 0.2]]", "torch.optim:SGD[learning_rate=0.1]", "x" * 200]
)
def test_wrapped_labels_are_complete(text):
    """Lines have at most 34 characters, and a dollar sign does not start a formula."""
    label = wrap_label(text)
    assert max(len(line.replace(r"\$", "$")) for line in label.split("\n")) <= 34
    assert label.replace("\n", "").replace(r"\$", "$") == text


@pytest.mark.parametrize("number", ["3,297", "1e-05", "-0.25"])
def test_numbers_in_labels_are_not_divided(number):
    """Not after the comma of thousands, nor after a sign, wherever the line ends."""
    for length in range(20, 34):
        assert number in wrap_label(f"{'x' * length}, {number} steps")


def test_labels_never_start_with_an_underscore():
    """Matplotlib leaves labels with a leading underscore out of legends."""
    assert not wrap_label("_x").startswith("_")


def test_the_theme_ends_with_its_block():
    """Settings outside the block are unchanged."""
    before = mpl.rcParams["svg.hashsalt"]
    with theme("salt"):
        assert mpl.rcParams["svg.hashsalt"] == "salt"
    assert mpl.rcParams["svg.hashsalt"] == before
