"""A parser of pages, and pages of small studies."""

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
