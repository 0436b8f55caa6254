"""The page of a course: figures with their captions, in a file that needs only the images beside it."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import jinja2

from benchbed import FigureResult
from benchbed_course.parts import SUBJECTS

TEMPLATE = Path(__file__).with_name("gallery.html")


def write_page(folder: Path, results: Sequence[FigureResult]) -> Path:
    """Write `index.html` into the folder that the figures were written to, and return its path."""
    page = folder / "index.html"
    page.write_text(render(results), encoding="utf-8")
    return page


def render(results: Sequence[FigureResult], title: str = "The course, as experiments") -> str:
    """Render the page as HTML, with one section for each part in the order given; every text is escaped."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["blocks"] = caption_blocks
    sections = [
        (part, SUBJECTS.get(part), list(figures))
        for part, figures in groupby(results, key=lambda result: result.figure.part)
    ]
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(title=title, sections=sections)


def caption_blocks(caption: str) -> list[tuple[bool, str]]:
    """Split a caption into paragraphs and code: `(is_code, text)`; the lines of code are indented by four spaces."""
    blocks = []
    for is_code, lines in groupby(caption.splitlines(), key=lambda line: line.startswith("    ")):
        text = "\n".join(line.removeprefix("    ") if is_code else line for line in lines).strip("\n")
        if text:
            blocks.append((is_code, text))
    return blocks
