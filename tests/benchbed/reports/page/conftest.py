"""A parser of pages, pages of small studies, and their tabs in a browser."""

import re
from html.parser import HTMLParser

import pytest

from benchbed.interfaces.results import Provenance
from benchbed.reports.page import draw

VOID = {"br", "input", "meta", "wbr"}


class Page(HTMLParser):
    """The elements of a page; an end tag that closes another element is an error."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.text, self.open, self.tags, self.content = text, [], [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(len(self.tags) - 1)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        index = self.open.pop()
        assert self.tags[index][0] == tag, (self.tags[index], tag, self.getpos())

    def handle_data(self, data):
        for index in self.open:
            self.content[index] = self.content.get(index, "") + data

    def find(self, tag, **attributes):
        """Return attributes and text of all elements with a tag and these attributes, in the order of the page."""
        attributes = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            (of_element, self.content.get(index, ""))
            for index, (name, of_element) in enumerate(self.tags)
            if name == tag and attributes.items() <= of_element.items()
        ]


def decode_path(path):
    """Return the segments of a path as lists of points, as a browser reads them."""
    segments, x, y = [], 0, 0
    for command, numbers in re.findall(r"([MLlhvz])([^MLlhvz]*)", path):
        values = [int(number) for number in re.findall(r"-?\d+", numbers)]
        if command in "ML":
            segments += [[]] if command == "M" else []
            x, y = values
        elif command == "l":
            x, y = x + values[0], y + values[1]
        elif command == "h":
            x += values[0]
        elif command == "v":
            y += values[0]
        segments[-1].append((x, y))
    return segments


@pytest.fixture(scope="session")
def decode():
    """Return the function that reads a path."""
    return decode_path


@pytest.fixture(scope="session")
def parse():
    """Return the function that parses a page."""
    return Page


@pytest.fixture(scope="session")
def page_of():
    """Return a function that draws the page of a study and parses it."""

    def parse(results):
        (content,) = draw(results, "").values()
        return Page(content.decode("utf-8"))

    return parse


@pytest.fixture(scope="session")
def usual(results):
    """The usual study, with a suite, and two trials that failed in the same way."""
    error = "Traceback (most recent call last):\n  in update\nValueError: <b>no</b> \x1b[31m"
    outcomes = results.outcomes.copy()
    is_failed = (
        (outcomes["optimizer"] == "adam") & (outcomes["seed"] == 3) & (outcomes["problem"] == "quadratic")
    )
    outcomes.loc[is_failed, ["status", "error"]] = ["failed", error]
    provenance = Provenance("mine", 'name = "mine"\n', {"torch": "2.13", "seeds": "5 evaluation seeds"})
    return results._replace(outcomes=outcomes, provenance=provenance)


@pytest.fixture(scope="session")
def page(page_of, usual):
    """The page of the usual study."""
    return page_of(usual)


@pytest.fixture
def open_page(browser, page, tmp_path):
    """Yield a function that opens an address of a page; afterwards check that it requested and reported nothing."""
    contexts, requests, messages = [], [], []

    def visit(fragment="", text=page.text, **settings):
        file = tmp_path / "index.html"
        file.write_text(text, encoding="utf-8")
        contexts.append(browser.new_context(**{"viewport": {"width": 1400, "height": 900}} | settings))
        tab = contexts[-1].new_page()
        tab.set_default_timeout(10_000)
        tab.on("request", lambda request: requests.append(request.url.partition("#")[0]))
        tab.on("console", lambda message: messages.append(message.text))
        tab.on("pageerror", lambda error: messages.append(str(error)))
        tab.on("dialog", lambda dialog: (messages.append(dialog.message), dialog.dismiss()))
        tab.goto(f"{file.as_uri()}{fragment}")
        return tab

    yield visit
    for context in contexts:
        context.close()
    assert set(requests) == {(tmp_path / "index.html").as_uri()}
    assert messages == []
