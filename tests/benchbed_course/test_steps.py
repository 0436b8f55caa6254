"""The slider of the page in a browser: it draws lines up to a step, with a mouse or the keyboard."""

import numpy as np
import pytest

from benchbed import FigureResult
from benchbed.interfaces import Figure
from benchbed.plotting import theme
from benchbed_course.figures.canvas import canvas, picture
from benchbed_course.figures.step_lines import CURVE, PATH
from benchbed_course.gallery import write_page

pytestmark = pytest.mark.slow

STEPS = 20


def draw_path():
    """Draw a path with markers and points alone; the page shows the loss of the path."""
    with theme("path"):
        figure, (axes, points) = canvas(columns=2)
        angles = np.linspace(0, 3, STEPS + 1)
        axes.plot(np.cos(angles), np.sin(angles), "-o", color="red", gid=PATH)
        points.plot(np.arange(11), np.arange(11) ** 2, "o", markerfacecolor="none", color="blue", gid=PATH)
        return picture(figure, "A path.", losses={"mine": 10.0 ** -np.arange(STEPS + 1)})


def draw_curve():
    """Draw a curve with few checkpoints."""
    with theme("curve"):
        figure, (axes,) = canvas()
        axes.semilogx([1, 10, 100, 1000], [4, 3, 2, 1], gid=CURVE)
        return picture(figure, "A curve.")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of both figures and of one without steps."""
    folder, results = tmp_path_factory.mktemp("course"), []
    (folder / "figures").mkdir()
    for name, drawing in {
        "path": draw_path(),
        "curve": draw_curve(),
        "plain": picture(canvas()[0], "No steps."),
    }.items():
        files = {suffix: f"figures/{name}.{suffix}" for suffix in drawing.files}
        for suffix, content in drawing.files.items():
            (folder / files[suffix]).write_bytes(content)
        figure = Figure(name, f"The {name}", "module:draw", suite="mine", part="C7")
        results.append(FigureResult(figure, ("mine",), files, drawing.caption, None))
    return write_page(folder, results)


@pytest.fixture
def open_page(browser, page):
    """Yield a function that opens the page; afterwards check that it requested only its files and reported nothing."""
    contexts, requests, messages = [], [], []

    def visit(**settings):
        contexts.append(browser.new_context(**{"viewport": {"width": 1400, "height": 900}} | settings))
        tab = contexts[-1].new_page()
        tab.set_default_timeout(10_000)
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("console", lambda message: messages.append(message.text))
        tab.on("pageerror", lambda error: messages.append(str(error)))
        tab.goto(page.as_uri())
        return tab

    yield visit
    for context in contexts:
        context.close()
    assert all(request.startswith(page.parent.as_uri()) for request in requests)
    assert messages == []


def path_of(tab, name):
    """Return the vertices of the first line of a figure."""
    return (
        tab.locator(f"#{name}-step-path-0 > path, #{name}-step-curve-0 > path").get_attribute("d").split(" ")
    )


def shown_markers(tab, number):
    """Count the visible markers of a line of the figure of paths."""
    markers = tab.locator(f"#path-step-path-{number} > g > use").all()
    return sum(
        marker.evaluate("element => getComputedStyle(element).display !== 'none'") for marker in markers
    )


def test_the_slider_draws_the_path_up_to_a_step(open_page):
    """Line, markers and loss; the line that ended earlier stays, and at the last step all is as in the file."""
    tab = open_page()
    whole = path_of(tab, "path")
    assert len(whole) == STEPS + 1
    slider, output = tab.get_by_role("slider").first, tab.locator("output").first
    assert slider.input_value() == slider.get_attribute("max") == str(STEPS)
    assert output.inner_text() == "20 of 20\nloss of mine: 1.00\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10⁻²⁰"
    assert tab.locator("#path-step-path-0 circle").is_hidden()
    for step in (15, 0, 7):
        slider.fill(str(step))
        assert path_of(tab, "path") == whole[: step + 1]
        assert [shown_markers(tab, number) for number in (0, 1)] == [step + 1, min(step, 10) + 1]
        x, y = whole[step][1:].split(",")
        head = tab.locator("#path-step-path-0 circle")
        assert (head.get_attribute("cx"), head.get_attribute("cy")) == (x, y)
        assert head.is_visible()
    assert output.inner_text() == "7 of 20\nloss of mine: 1.00\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10⁻⁷"
    slider.fill(str(STEPS))
    assert path_of(tab, "path") == whole
    assert head.is_hidden()


def test_a_dot_has_the_colour_of_its_line(open_page):
    """Of the edge, if the markers are hollow."""
    tab = open_page()
    fill = "element => getComputedStyle(element).fill"
    colours = [tab.locator(f"#path-step-path-{number} circle").evaluate(fill) for number in (0, 1)]
    assert colours == ["rgb(255, 0, 0)", "rgb(0, 0, 255)"]


def test_the_positions_of_a_curve_are_its_checkpoints(open_page):
    """The slider moves from one to the next; the other figure stays as it is."""
    tab = open_page()
    slider, output = tab.get_by_role("slider").last, tab.locator("output").last
    assert output.inner_text() == "1,000 of 1,000"
    slider.fill("1")
    assert len(path_of(tab, "curve")) == 2
    assert output.inner_text() == "10 of 1,000"
    assert len(path_of(tab, "path")) == STEPS + 1


def test_the_keyboard_moves_the_slider(open_page):
    """It has a name and says its position; a figure without steps has no slider."""
    tab = open_page()
    assert tab.get_by_role("slider", name="Step").count() == 2
    slider = tab.get_by_role("slider").first
    slider.focus()
    slider.press("ArrowLeft")
    slider.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "18 of 20"
    assert len(path_of(tab, "path")) == 19
    slider.press("Home")
    assert len(path_of(tab, "path")) == 1


def test_no_script_is_needed(open_page):
    """The drawings are whole, and the sliders hidden."""
    tab = open_page(java_script_enabled=False)
    assert [slider.is_visible() for slider in tab.locator("input").all()] == [False, False]
    assert tab.locator("#path-step-path-0 > path").is_visible()
    assert len(path_of(tab, "path")) == STEPS + 1


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 390)])
def test_the_page_has_no_serious_accessibility_finding(open_page, scheme, width):
    """By the rules of axe-core."""
    from axe_playwright_python.sync_playwright import Axe

    tab = open_page(color_scheme=scheme, viewport={"width": width, "height": 844})
    serious = [
        (rule["id"], rule["nodes"][0]["html"], len(rule["nodes"]))
        for rule in Axe().run(tab).response["violations"]
        if rule["impact"] in {"serious", "critical"}
    ]
    assert serious == []


@pytest.mark.parametrize("width", [1400, 390])
def test_the_first_section_begins_below_the_links(open_page, width):
    """Without the margin that separates sections."""
    tab = open_page(viewport={"width": width, "height": 844})
    links, section = tab.locator("nav").bounding_box(), tab.locator("section").first.bounding_box()
    assert 16 <= section["y"] - (links["y"] + links["height"]) <= 32


def test_a_telephone_scrolls_the_drawings(open_page):
    """At a width that keeps their labels legible; the page itself does not scroll sideways."""
    tab = open_page(viewport={"width": 390, "height": 844}, has_touch=True)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.locator("figure svg").first.bounding_box()["width"] > 800
    assert tab.get_by_role("slider").first.bounding_box()["width"] > 250
