"""The page of a course: figures with their captions, in a file that needs only the images beside it."""

import shlex
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import jinja2
from markupsafe import Markup

from benchbed import FigureResult
from benchbed_course.inline_svg import inline
from benchbed_course.parts import SUBJECTS

TEMPLATE = Path(__file__).with_name("gallery.html")
SCRIPT = Path(__file__).with_name("steps.js")
STEPS = b" data-readings="
"""Beginning of the attribute of SVG files whose lines follow steps."""


class Call(NamedTuple):
    """The options of a call of `benchbed course` that the commands on its page repeat."""

    optimizers: Sequence[str] = ()
    """Selectors of added optimizers."""
    plugin_files: Sequence[Path] = ()
    output: Path | None = None
    """The folder, if it was not left to the default."""
    full: bool = False
    """Whether the preset is full."""

    def course(self, part: str) -> str:
        """Return the command that draws the figures of a part as this call has."""
        output = [] if self.output is None else ["-O", str(self.output)]
        preset = ["--preset", "full"] if self.full else []
        added = [word for optimizer in self.optimizers for word in ("-o", optimizer)]
        return shlex.join(["benchbed", "course", part, *self._plugins, *added, *preset, *output])

    def run(self, suite: str) -> str:
        """Return the command that runs a suite by itself."""
        return shlex.join(["benchbed", "run", suite, *self._plugins])

    @property
    def _plugins(self) -> list[str]:
        return [word for file in self.plugin_files for word in ("--plugin", str(file))]


PLAIN_CALL = Call()


def write_page(folder: Path, results: Sequence[FigureResult], call: Call = PLAIN_CALL) -> Path:
    """Write `index.html` into the folder that the figures were written to, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)  # it does not exist if the only measurement has failed
    page = folder / "index.html"
    page.write_text(render(results, call, drawings=step_drawings(folder, results)), encoding="utf-8")
    return page


def step_drawings(folder: Path, results: Sequence[FigureResult]) -> dict[str, Markup]:
    """Return the drawings whose lines follow steps, as elements of the page, by the names of their figures."""
    drawings = {}
    for figure, files in ((result.figure, result.files) for result in results):
        svg = (folder / files["svg"]).read_bytes() if "svg" in files else b""
        if STEPS in svg:
            drawings[figure.name] = inline(svg, figure.name, figure.title)
    return drawings


def render(
    results: Sequence[FigureResult],
    call: Call = PLAIN_CALL,
    title: str = "The course, as experiments",
    *,
    drawings: Mapping[str, Markup] = MappingProxyType({}),
) -> str:
    """Render the page as HTML, with one section for each part in the order given; every text is escaped.

    Args:
        results: The figures.
        call: Options that the commands of the page repeat.
        title: Title of the page.
        drawings: SVG elements that replace the images of figures, by name, with a slider of steps below each.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["blocks"] = caption_blocks
    sections = [
        (part, SUBJECTS.get(part), call.course(part), list(figures))
        for part, figures in groupby(results, key=lambda result: result.figure.part)
    ]
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    script = Markup(SCRIPT.read_text(encoding="utf-8")) if drawings else None
    return template.render(title=title, sections=sections, call=call, drawings=drawings, script=script)


def caption_blocks(caption: str) -> list[tuple[bool, str]]:
    """Split a caption into paragraphs and code: `(is_code, text)`; the lines of code are indented by four spaces."""
    blocks = []
    for is_code, lines in groupby(caption.splitlines(), key=lambda line: line.startswith("    ")):
        text = "\n".join(line.removeprefix("    ") if is_code else line for line in lines).strip("\n")
        if text:
            blocks.append((is_code, text))
    return blocks
