"""Put figures with their captions on one page that needs nothing but the files beside it."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

TEMPLATE = Path(__file__).with_name("gallery.html")


class Shown(NamedTuple):
    """A figure as a page shows it."""

    part: str
    title: str
    caption: str
    files: Mapping[str, str]
    """Where its images lie, relative to the page, by suffix; none where it could not be drawn."""
    source: str
    """What it is drawn from."""


def page(shown: Sequence[Shown], title: str = "The course, as experiments") -> str:
    """Give the page as HTML, a section for each part in the order given; every text is escaped."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    parts = [(part, list(figures)) for part, figures in groupby(shown, key=lambda one: one.part)]
    return template.render(title=title, parts=parts)
