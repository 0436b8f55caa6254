"""The page of a course shows every figure in order, and escapes every text."""

import re
from pathlib import Path

import pytest
from markupsafe import escape

from benchbed import FigureResult
from benchbed.interfaces import Figure
from benchbed_course.gallery import Call, caption_blocks, render, write_page
from benchbed_course.parts import SUBJECTS

pytestmark = pytest.mark.slow

IMAGES = {"png": "figures/a.png", "svg": "figures/a.svg"}


def result(part="C1", title="A title", caption="A caption.", files=IMAGES, suites=("mine",), error=None):
    figure = Figure("a", title, "module:draw", suite="mine", part=part, takes_optimizers=True)
    return FigureResult(figure, suites, files, caption, error)


def test_parts_come_in_the_order_given():
    """Each part is a section with its figures, headed by subject, formula and command."""
    page = render([result("C1"), result("C1", "Another"), result("Z2")])
    assert re.findall(r'<section id="(\w+)">', page) == ["C1", "Z2"]
    assert page.count("<figure>") == 3
    assert "<h2>C1: Linear regression</h2>" in page
    assert "Σᵢ (w xᵢ + b − yᵢ)²" in page
    assert '<code class="command">benchbed course C1</code>' in page
    assert "<h2>Z2</h2>" in page


def test_a_section_has_an_experiment():
    """A command to try and a line on its result; a part of another plugin has none."""
    page = render([result("C7"), result("Z2")])
    assert page.count("Try this:") == 1
    for text in SUBJECTS["C7"].experiment:
        assert str(escape(text)) in page


def test_the_command_of_a_section_has_the_added_optimizers():
    """Quoted as a shell needs it; the suites alone would not repeat the figure."""
    page = render([result("C7")], Call(["adam[beta1=0.5]", "<mine>"], [Path("my file.py")]))
    command = "benchbed course C7 --plugin 'my file.py' -o 'adam[beta1=0.5]' -o '<mine>'"
    assert str(escape(command)) in page
    assert "With the added optimizers <code>adam[beta1=0.5]</code>, <code>&lt;mine&gt;</code>." in page
    assert "<mine>" not in page
    assert "<code>benchbed run mine</code>" not in page


def test_commands_have_the_options_of_the_call():
    """A part is drawn again in the same folder with the same preset; a suite of a plugin needs its file."""
    call = Call(plugin_files=[Path("mine.py")], output=Path("my folder"), full=True)
    page = render([result("C7", suites=("one", "two"))], call)
    command = "benchbed course C7 --plugin mine.py --preset full -O 'my folder'"
    assert f'<code class="command">{escape(command)}</code>' in page
    for suite in ("one", "two"):
        assert f"<code>benchbed run {suite} --plugin mine.py</code>" in page


def test_figures_are_readable_on_a_phone():
    """A wide image scrolls sideways at a width that keeps its labels legible, and a long formula is broken."""
    page = render([result()])
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert ".wide img, .wide svg { max-width: none; width: 52rem; }" in page
    assert '<div class="wide"><a href="figures/a.svg"><img' in page
    assert "overflow-wrap: anywhere" in page


def test_texts_of_a_plugin_are_escaped():
    """A title or a caption may contain markup."""
    page = render([result(title="<script>1</script>", caption="a < b & c")])
    assert "<script>" not in page
    assert "a &lt; b &amp; c" in page


def test_images_are_linked_relative_to_the_page():
    """The image links to its vector form; the animation is shown too."""
    page = render([result(files=IMAGES | {"gif": "figures/a.gif"})])
    assert '<a href="figures/a.svg"><img src="figures/a.png"' in page
    assert 'src="figures/a.gif"' in page
    assert "http" not in page


def test_a_figure_without_images_keeps_its_place():
    """The page shows the error instead."""
    assert "It could not be drawn: no ink" in render([result(files={}, caption="", error="no ink")])


def test_the_source_is_a_command():
    """A reader can run the suite by itself; a measurement has no suite."""
    assert "<code>benchbed run mine</code>" in render([result()])
    assert "Drawn from the suites one and two:" in render([result(suites=("one", "two"))])
    assert "Drawn from a measurement of its own." in render([result(suites=())])


def test_code_in_a_caption_is_preformatted():
    """Indented lines are code; the text around them is not."""
    caption = "Three lines:\n\n    import benchbed\n    found = 1\n\nThe rest."
    assert caption_blocks(caption) == [
        (False, "Three lines:"),
        (True, "import benchbed\nfound = 1"),
        (False, "The rest."),
    ]
    assert "<pre>import benchbed\nfound = 1</pre>" in render([result(caption=caption)])


def test_only_drawings_with_steps_are_part_of_the_page(tmp_path):
    """The file of another figure stays an image, and without such drawings the page has no script."""
    svg = '<svg xmlns="http://www.w3.org/2000/svg"{}><g id="a" data-steps=""><path d="M0,0 L1,1"/></g></svg>'
    (tmp_path / "figures").mkdir()
    for attribute, is_inline in ((" data-readings='{}'", True), ("", False)):
        (tmp_path / "figures" / "a.svg").write_text(svg.format(attribute), encoding="utf-8")
        page = write_page(tmp_path, [result()]).read_text(encoding="utf-8")
        assert ('<g id="a-a" data-steps="">' in page) is is_inline
        assert ('<input type="range"' in page) is is_inline
        assert ("<script>" in page) is is_inline
        assert ('<img src="figures/a.png"' in page) is not is_inline
