"""The page in a browser: everything that its script does, and that people need who cannot see or use a mouse."""

import pytest

pytestmark = pytest.mark.slow
HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a&amp;b", "'&mute=x#", "\u202ered")


def shown(tab, selector):
    """Return the visible elements."""
    return [element for element in tab.locator(selector).all() if element.is_visible()]


def first_column(tab):
    """Return the optimizers of the visible rows of the first table."""
    return [row.locator("td").first.inner_text() for row in shown(tab, "#scores > .scroll tbody tr")]


def test_a_header_sorts_its_table(open_page, results):
    """By numbers, the highest first, then the lowest, with the keyboard too; the address restores the order."""
    tab = open_page()
    means = results.overall[(results.overall["track"] == "tuned") & (results.overall["group"] == "")]
    ascending = means.sort_values("score")["optimizer"].tolist()
    header = tab.locator("#scores th button", has_text="all 2 problems").first
    header.click()
    assert first_column(tab) == ascending[::-1]
    header.press("Enter")
    assert first_column(tab) == ascending
    assert tab.locator("th[aria-sort=ascending]").count() == 1
    tab.reload()
    assert first_column(tab) == ascending


def test_thousands_are_sorted_as_numbers(open_page, page):
    """Thin spaces separate them: 999 calls are fewer than 39 000."""
    tab = open_page(text=page.text.replace("<td>25\N{THIN SPACE}500</td>", "<td>999</td>", 1))
    table = tab.locator("table.sortable", has=tab.locator("caption", has_text="Cost of tuning")).first
    column = "table => [...table.tBodies[0].rows].map((row) => row.cells[4].textContent)"
    tab.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    table.get_by_role("button", name="calls", exact=True).click()
    calls = [int(text.replace("\N{THIN SPACE}", "")) for text in table.evaluate(column)]
    assert calls == sorted(calls, reverse=True)
    assert calls[-1] == 999


def test_the_filter_hides_other_optimizers(open_page):
    """In all tables and lists of trials; an empty filter and the button Reset show them again."""
    tab = open_page()
    every = first_column(tab)
    tab.get_by_label("Filter").fill("ADAM")
    assert sorted(first_column(tab)) == ["adam", "adamw"]
    assert {element.get_attribute("data-name") for element in shown(tab, ".pairing")} == {"adam", "adamw"}
    tab.reload()
    assert sorted(first_column(tab)) == ["adam", "adamw"]
    tab.get_by_role("button", name="Reset").click()
    assert first_column(tab) == every


def test_the_legend_hides_and_highlights_an_optimizer_in_all_charts(open_page):
    """A click hides it, a double click shows it alone, and the pointer or the focus fades all others."""
    tab = open_page()
    lines = "#problems > article > .charts g[data-o='1']"
    assert len(shown(tab, lines)) == 2 * (
        1 + 1 + 1 + 1
    )  # median, targets, learning rate and best of k of two problems
    entry = tab.locator(".legend button", has_text="sgd").first
    entry.hover()
    opacity = "element => getComputedStyle(element).opacity"
    assert tab.locator(lines).nth(1).evaluate(opacity) == "1"
    assert tab.locator(lines.replace("'1'", "'2'")).nth(1).evaluate(opacity) == "0.15"
    entry.click()
    assert shown(tab, lines) == []
    assert tab.url.endswith("#mute=sgd")
    tab.reload()
    assert shown(tab, lines) == []
    assert len(shown(tab, lines.replace("'1'", "'2'"))) == 8
    entry.dblclick()
    assert {
        line.get_attribute("data-o") for line in shown(tab, "#problems > article > .charts g[data-o]")
    } == {"1"}


def test_a_cell_opens_the_trials_of_its_pairing(open_page):
    """With its failures; the button Back of the browser returns, and the address alone opens them, too."""
    tab = open_page()
    details = tab.locator("details.pairing[data-name=adam]").first
    assert not details.locator("table").is_visible()
    cell = tab.locator("a[href='#p0-o5']").last  # of the tuned track
    cell.click()
    assert details.locator("table").is_visible()
    assert "ValueError: <b>no</b>" in details.locator("pre").inner_text()
    assert tab.evaluate("document.activeElement.id") == "p0-o5"
    address = tab.url
    tab.go_back()
    assert "p0-o5" not in tab.url
    for fragment in (address.partition("#")[2], "p0-o5"):
        again = open_page(f"#{fragment}")
        assert again.locator("details.pairing[data-name=adam] table").first.is_visible()


def test_links_lead_below_a_legend_of_any_height(open_page, page_of, make_results):
    """The legend of 24 optimizers covers more of the screen than that of two."""
    names = tuple(f"optimizer-with-a-long-name-{index}" for index in range(24))
    text = page_of(make_results(optimizers=names, problems=("a", "b"), tracks=("tuned",), seeds=1)).text
    below = (
        "(link) => { const low = document.querySelector('.toolbar').getBoundingClientRect().bottom;"
        " const top = document.querySelector(link).getBoundingClientRect().top;"
        " return low <= top && top < low + 100; }"
    )
    # The browser scrolls to the first address by itself as well, but not to the second one.
    for address in ("#p1", "#unit=steps&at=p1"):
        tab = open_page(address, text=text, viewport={"width": 1000, "height": 900})
        tab.wait_for_function(below, arg="#p1")
    for link in ("#heatmap", "#p1"):
        tab.locator(f"a[href='{link}']").first.click()
        tab.wait_for_function(below, arg=link)


def test_an_address_restores_the_view(open_page):
    """Sorted, filtered, with other axes, one optimizer hidden in all charts, and a pairing open."""
    tab = open_page("#mute=sgd&sort=0.3.up&find=ada&unit=steps&x=linear&at=p0-o5")
    assert tab.locator(".legend button[aria-pressed=false]").all_inner_texts() == ["sgd"]
    assert tab.locator("th[aria-sort=ascending]").inner_text().startswith("all 2 problems")
    assert sorted(first_column(tab)) == ["adam", "adamw"]
    assert [tab.locator(f"#{name}").input_value() for name in ("unit", "x", "y")] == [
        "steps",
        "linear",
        "log",
    ]
    assert tab.locator("details.pairing[open]").get_attribute("data-name") == "adam"
    assert "steps" in tab.locator("details.pairing[open] .label-x").all_text_contents()


def test_an_address_from_elsewhere_does_not_break_the_page(open_page):
    """Unknown names, axes, columns and anchors are ignored."""
    tab = open_page("#mute=other&sort=99.99.up&sort=0.77.down&unit=miles&x=&at=nowhere&track=tuned")
    assert len(first_column(tab)) == 7
    assert tab.locator("#unit").input_value() == "calls"


def test_no_script_is_needed(open_page):
    """Tables, charts of the default axes, and details are there; the controls are not."""
    tab = open_page(java_script_enabled=False)
    assert not tab.locator(".controls").is_visible()
    assert tab.locator("#scores > .scroll table").is_visible()
    assert tab.locator("#problems .charts svg .line").first.is_visible()
    tab.locator("a[href='#p0-o5']").last.click()
    assert tab.locator("#p0-o5 table").is_visible()


def test_hostile_names_are_text(open_page, page_of, make_results):
    """In the legend, tables and addresses; none of them runs."""
    results = make_results(optimizers=HOSTILE, problems=HOSTILE[:2], tracks=("tuned",), seeds=2)
    tab = open_page(text=page_of(results).text)
    visible = [r"\u202ered" if name.startswith("\u202e") else name for name in HOSTILE]
    assert tab.locator(".legend button").all_inner_texts() == visible
    assert sorted(first_column(tab)) == sorted(visible)
    for index in range(len(HOSTILE)):
        tab.locator(".legend button").nth(index).click()
    tab.reload()
    assert tab.locator(".legend button[aria-pressed=false]").all_inner_texts() == visible
    assert tab.locator("img, body script:not(:last-child)").count() == 0


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 390)])
def test_the_page_has_no_serious_accessibility_finding(open_page, scheme, width):
    """By the rules of axe-core, with everything open."""
    from axe_playwright_python.sync_playwright import Axe

    tab = open_page("#track=&mute=gd", color_scheme=scheme, viewport={"width": width, "height": 844})
    tab.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    violations = Axe().run(tab).response["violations"]
    serious = [
        (rule["id"], rule["nodes"][0]["html"], len(rule["nodes"]))
        for rule in violations
        if rule["impact"] in {"serious", "critical"}
    ]
    assert serious == []


def test_the_page_fits_a_telephone(open_page):
    """Tables and controls scroll within the page, which itself does not scroll sideways, and cover little of it."""
    tab = open_page(viewport={"width": 390, "height": 844}, has_touch=True)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.locator("#problems figure:not(.other-track)").first.bounding_box()["width"] > 340
    assert tab.locator(".toolbar").bounding_box()["height"] < 100


def test_paper_shows_no_controls(open_page):
    """And the part of a wide table that a screen scrolls to."""
    tab = open_page()
    tab.emulate_media(media="print")
    assert not tab.locator(".controls").is_visible()
    assert not tab.locator("nav").is_visible()
    assert tab.locator(".legend").is_visible()
    overflow = "element => getComputedStyle(element).overflowX"
    assert {element.evaluate(overflow) for element in shown(tab, ".scroll")} == {"visible"}
