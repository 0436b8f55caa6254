"""SVG files become elements of one page, without clashes of their identifiers."""

import re

import pytest
from matplotlib.figure import Figure

from benchbed.plotting import render_images, theme
from benchbed_course.inline_svg import inline

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def svg():
    """A file of matplotlib with clip paths, markers and text."""
    with theme("salt"):
        figure = Figure(figsize=(2, 2))
        axes = figure.add_subplot()
        axes.plot([1, 2], [2, 1], "-o")
        axes.set_title("a < b")
        return render_images(figure)["svg"]


def test_two_drawings_share_no_identifier(svg):
    """Each reference leads to an identifier of the same drawing."""
    first, second = (inline(svg, prefix, "A title") for prefix in ("one", "two"))
    identifiers = [re.findall(r'\bid="([^"]+)"', drawing) for drawing in (first, second)]
    assert len(identifiers[0]) == len(set(identifiers[0])) > 10
    assert not set(identifiers[0]) & set(identifiers[1])
    for drawing, own in zip((first, second), identifiers, strict=True):
        references = re.findall(r'(?:url\(|href=")#([^)"]+)', drawing)
        assert len(references) > 10
        assert set(references) <= set(own)


def test_the_element_is_html(svg):
    """Without a declaration, prefixes before names, or metadata; its title is its accessible name."""
    drawing = inline(svg, "one", 'A "title" & more')
    assert drawing.startswith("<svg ")
    assert "ns0:" not in drawing
    assert "metadata" not in drawing
    assert 'role="img" aria-label="A &quot;title&quot; &amp; more"' in drawing
