"""The page of a course shows every figure, in order, and takes nothing for markup."""

import re

from benchbed.reports.gallery import Shown, page


def shown(part="C1", title="A title", caption="A caption.", files=None):
    """Give a figure with images."""
    named = {"png": "figures/a.png", "svg": "figures/a.svg"} if files is None else files
    return Shown(part, title, caption, named, "drawn from the suite mine")


def test_parts_come_in_the_order_given():
    """A section for each part, with its figures."""
    text = page([shown("C1"), shown("C1", "Another"), shown("C2")])
    assert re.findall(r'<section id="(\w+)">', text) == ["C1", "C2"]
    assert text.count("<figure>") == 3


def test_what_a_plugin_says_is_no_markup():
    """A title or a caption may hold anything."""
    text = page([shown(title="<script>1</script>", caption="a < b & c")])
    assert "<script>" not in text
    assert "a &lt; b &amp; c" in text


def test_images_lie_beside_the_page():
    """The image links to its vector form; what moves is shown too."""
    text = page([shown(files={"png": "figures/a.png", "svg": "figures/a.svg", "gif": "figures/a.gif"})])
    assert '<a href="figures/a.svg"><img src="figures/a.png"' in text
    assert 'src="figures/a.gif"' in text
    assert "http" not in text


def test_a_figure_without_images_keeps_its_place():
    """What could not be drawn is not left out."""
    assert "It could not be drawn" in page([shown(caption="It could not be drawn: no ink", files={})])
