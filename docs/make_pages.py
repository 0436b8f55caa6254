"""The parts of pages that are computed: the catalog of built-in parts, and the gallery with its studies.

`python docs/make_pages.py` writes them to `docs/_generated`.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import benchbed
from benchbed.formatting import plural

OUTPUT = Path(__file__).with_name("_generated")
STUDY = "results/gallery"
COMMAND = (
    "benchbed run -p quartic -p rosenbrock -o sgd -o momentum -o adam -o rmsprop --preset quick --seeds 20 "
    f"-O {STUDY}"
)
PLOTS = {
    "loss-quartic": "Loss against calls",
    "ecdf-overall": "Targets reached against calls",
    "learning-rate-quartic": "Final gap against the learning rate",
    "paths-rosenbrock": "Paths on contours",
    "heatmap": "Scores",
    "wins": "Wins",
}
"""Title of each plot of the study, by the stem of its file."""
FIGURES = (
    "linear-regression-path",
    "toy-mean-paths",
    "quartic-paths",
    "quadratic-paths",
    "quadratic-rates",
    "quadratic-rmsprop",
    "weighted-quartic-noisy",
    "reverse-mode-graph",
)
VERBATIM = re.compile(r"(`[^`]*`|https?://[^\s,;]+[^\s,;.)]|arXiv:\d{4}\.\d{4,5})")
"""Code, addresses and numbers of arXiv, whose characters are not escaped."""
SPECIAL = re.compile(r"([\\*_{}\[\]<>|#])")
"""Characters that have a meaning in Markdown."""


def write_catalog() -> None:
    """Write the optimizers by family, the problems by group, and the functions that change them."""
    entries = json.loads(run_benchbed("list", "--format", "json").stdout)
    pages = {
        "optimizers": sections_of(entries["optimizers"], "family"),
        "wrappers": map(section_of_entry, entries["wrappers"]),
        "problems": sections_of(entries["problems"], "group"),
        "transforms": map(section_of_entry, entries["transforms"]),
    }
    for name, sections in pages.items():
        write(name, sections)


def sections_of(entries: list[Mapping[str, Any]], key: str) -> Iterator[str]:
    """Yield the entries under a heading for each value of `key`, in the order of registration."""
    for value in dict.fromkeys(entry.get(key, "other") for entry in entries):
        yield f"## {value.capitalize()}"
        yield from (section_of_entry(entry) for entry in entries if entry.get(key, "other") == value)


def section_of_entry(entry: Mapping[str, Any]) -> str:
    """Return the documentation, the properties and the parameters of an entry."""
    paragraphs = [f"### `{entry['name']}`", escape(entry["documentation"])]
    if "dimension" in entry:
        price = (
            "without a price" if entry["full_price"] is None else f"for {plural(entry['full_price'], 'call')}"
        )
        metric = f" of {entry['target_metric']}" if entry["target_metric"] else ""
        targets = ", ".join(f"{target:g}" for target in entry["targets"])
        paragraphs.append(
            f"With the defaults: dimension {entry['dimension']}, {entry['dtype']}, budget {entry['budget']} calls, "
            f"full gradient {price}, targets{metric} {targets}."
        )
    if entry.get("parameters"):
        paragraphs.append(table_of_parameters(entry["parameters"]))
    return "\n\n".join(paragraphs)


def table_of_parameters(parameters: Iterable[Mapping[str, Any]]) -> str:
    """Return a table with the default, the values and, if any is searched, the range of each parameter."""
    rows = [
        (
            f"`{parameter['name']}`",
            default_of(parameter),
            escape(parameter["values"]),
            range_of(parameter["search"]),
        )
        for parameter in parameters
    ]
    header = ("parameter", "default", "values", "searched")
    shown = 4 if any(row[3] for row in rows) else 3
    lines = [row[:shown] for row in (header, ("---",) * 4, *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def default_of(parameter: Mapping[str, Any]) -> str:
    """Return a default as it is written in a selector."""
    return "none" if parameter["default"] is None else escape(json.dumps(parameter["default"]))


def write_gallery() -> None:
    """Write all pictures and the text that contains them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sections = [
            f"## A study\n\nEvery study draws these plots, and more, into its folder:\n\n```sh\n{COMMAND}\n```\n",
            *plots_of_study(folder),
            "## The course\n\nFigures of [the course](course.md), with their captions.\n",
            *figures_of_course(folder),
        ]
    write("gallery", sections)


def plots_of_study(folder: Path) -> Iterator[str]:
    """Run a study and yield a section for each plot.

    Raises: CalledProcessError if the study fails, FileNotFoundError if it does not draw a plot.
    """
    run_benchbed(*shlex.split(COMMAND)[1:], folder=folder)
    for stem, title in PLOTS.items():
        shutil.copy(folder / STUDY / "plots" / f"{stem}.png", OUTPUT)
        yield section_of_pictures(title, [f"{stem}.png"])


def figures_of_course(folder: Path) -> Iterator[str]:
    """Run the suites of some figures of the course and yield a section for each.

    Raises: RuntimeError if one cannot be drawn.
    """
    for result in benchbed.draw_figures(FIGURES, folder).results:
        if result.error is not None:
            raise RuntimeError(f"{result.figure.name} cannot be drawn: {result.error}")
        pictures = [folder / result.files[suffix] for suffix in ("png", "gif") if suffix in result.files]
        for picture in pictures:
            shutil.copy(picture, OUTPUT)
        text = f"`benchbed course {result.figure.part}`\n\n{markdown_of(result.caption)}"
        yield section_of_pictures(result.figure.title, [picture.name for picture in pictures], text)


def section_of_pictures(title: str, pictures: Iterable[str], text: str = "") -> str:
    """Return the Markdown of pictures with their title and text."""
    images = (f"![{title}]({OUTPUT.name}/{picture})" for picture in pictures)
    return "\n\n".join([f"### {title}", *images, text])


def markdown_of(caption: str) -> str:
    """Return a caption as Markdown: a paragraph a line, and lines indented by four spaces as code."""
    paragraphs = []
    for is_code, lines in groupby(caption.splitlines(), key=lambda line: line.startswith("    ")):
        if is_code:
            code = "\n".join(line.removeprefix("    ") for line in lines)
            paragraphs.append(f"```python\n{code}\n```")
        else:
            paragraphs += map(escape, lines)
    return "\n\n".join(paragraphs)


def escape(text: str) -> str:
    """Return a text as Markdown that shows its characters; code in backticks stays, and addresses become links."""

    def converted(part: str) -> str:
        if part.startswith("`"):
            return part
        if part.startswith("http"):
            return f"<{part}>"
        if part.startswith("arXiv:"):
            return f"[{part}](https://arxiv.org/abs/{part.removeprefix('arXiv:')})"
        return SPECIAL.sub(r"\\\1", part)

    return "".join(map(converted, VERBATIM.split(text)))


def range_of(search: Mapping[str, Any] | None) -> str:
    """Return the search range of a parameter; empty without one."""
    if search is None:
        return ""
    if search["choices"]:
        return ", ".join(f"`{choice}`" for choice in search["choices"])
    return f"{search['low']:g} to {search['high']:g}, {search['scale']}"


def run_benchbed(*arguments: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the command in a folder. Raises: CalledProcessError if it fails."""
    command = [sys.executable, "-P", "-m", "benchbed", *arguments]
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)


def write(name: str, sections: Iterable[str]) -> None:
    """Write the sections of a page."""
    (OUTPUT / f"{name}.md").write_text("\n\n".join(sections) + "\n", encoding="utf-8")


if __name__ == "__main__":
    OUTPUT.mkdir(exist_ok=True)
    write_catalog()
    write_gallery()
