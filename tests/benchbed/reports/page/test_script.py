"""The script of the page in a browser: an address restores sorting, filter, hidden optimizers and an open pairing."""

import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]


@pytest.fixture
def open_page(page, parse, tmp_path):
    """Return a function that opens an address of the page in Chromium and returns its elements after the script."""

    def visit(fragment="", text=page.text):
        file = tmp_path / "index.html"
        file.write_text(text, encoding="utf-8")
        process = subprocess.run(
            [
                CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
                "--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom", f"{file.as_uri()}{fragment}",
            ],
            capture_output=True, text=True, timeout=100, check=True,
        )  # fmt: skip
        messages = [line for line in process.stderr.splitlines() if "CONSOLE" in line]
        return parse(process.stdout), messages

    return visit


def names_of(page, track):
    """Return the optimizers of the visible rows of the first table, in their order."""
    rows = [attributes for attributes, _ in page.find("tr", data_t=track) if not attributes.get("class")]
    return [attributes["data-o"] for attributes in rows]


def test_an_address_restores_the_view(open_page, results):
    """Sorted, filtered, with one optimizer hidden in all charts, and with a pairing open; nothing is blocked."""
    page, messages = open_page("#mute=sgd&sort=0.3.up&find=ada&at=p0-o5")
    assert messages == []
    hidden = [attributes.get("data-name") for attributes, _ in page.find("button", aria_pressed="false")]
    assert [name for name in hidden if name] == ["sgd"]
    sgd = [attributes for attributes, _ in page.find("g", data_o="1")]
    assert len(sgd) > 10
    assert all("muted" in attributes["class"].split() for attributes in sgd)
    assert not any("muted" in attributes["class"].split() for attributes, _ in page.find("g", data_o="5"))
    ((_, header),) = page.find("th", aria_sort="ascending")
    assert header == "all 2 problems"
    means = results.overall[results.overall["track"] == "tuned"].set_index("optimizer")["score"]
    means = means.loc[["adam", "adamw"]].sort_values()
    assert names_of(page, "tuned")[:2] == [str(results.optimizers.index(name)) for name in means.index]
    opened = [
        attributes["data-name"]
        for attributes, _ in page.find("details", open="")
        if "data-name" in attributes
    ]
    assert opened == ["adam"]


def test_a_plain_link_opens_its_pairing(open_page):
    """As without the script, and with the charts of the tuned track alone."""
    page, messages = open_page("#p1-o1")
    assert messages == []
    opened = [
        attributes["data-name"]
        for attributes, _ in page.find("details", open="")
        if "data-name" in attributes
    ]
    assert opened == ["sgd"]
    figures = {
        (of_figure.get("data-t"), "other-track" in of_figure["class"]) for of_figure, _ in page.find("figure")
    }
    assert figures == {("default", True), ("tuned", False), (None, False)}


def test_another_script_is_blocked(open_page, page):
    """Even if a name became markup, the policy would not run it."""
    text = page.text.replace("</main>", "<script>document.title = 'changed'</script></main>")
    changed, messages = open_page(text=text)
    assert ["Content Security Policy" in message for message in messages] == [True]
    assert changed.find("title")[0][1] == "mine · benchbed"
