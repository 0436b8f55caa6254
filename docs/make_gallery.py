"""Pictures of the gallery: runs studies, and writes their plots and figures with captions to `docs/_gallery`."""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import benchbed

OUTPUT = Path(__file__).with_name("_gallery")
PAGE = "pictures.md"
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
SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#])")
"""Characters that have a meaning in Markdown."""


def plots_of_study(folder: Path) -> Iterator[str]:
    """Run a study and yield a section for each plot.

    Raises: CalledProcessError if the study fails, FileNotFoundError if it does not draw a plot.
    """
    arguments = shlex.split(COMMAND)[1:]
    subprocess.run([sys.executable, "-P", "-m", "benchbed", *arguments], cwd=folder, check=True)
    for stem, title in PLOTS.items():
        shutil.copy(folder / STUDY / "plots" / f"{stem}.png", OUTPUT)
        yield section(title, f"{stem}.png")


def figures_of_course(folder: Path) -> Iterator[str]:
    """Run the suites of some figures of the course and yield a section for each.

    Raises: RuntimeError if one cannot be drawn.
    """
    for result in benchbed.draw_figures(FIGURES, folder).results:
        if result.error is not None:
            raise RuntimeError(f"{result.figure.name} cannot be drawn: {result.error}")
        picture = folder / result.files["gif" if "gif" in result.files else "png"]
        shutil.copy(picture, OUTPUT)
        text = f"`benchbed course {result.figure.part}`\n\n{markdown_of(result.caption)}"
        yield section(result.figure.title, picture.name, text)


def section(title: str, picture: str, text: str = "") -> str:
    """Return the Markdown of a picture with its title and text."""
    return f"### {title}\n\n![{title}]({OUTPUT.name}/{picture})\n\n{text}"


def markdown_of(caption: str) -> str:
    """Return a caption as Markdown: a paragraph a line, and lines indented by four spaces as code."""
    paragraphs = []
    for is_code, lines in groupby(caption.splitlines(), key=lambda line: line.startswith("    ")):
        if is_code:
            code = "\n".join(line.removeprefix("    ") for line in lines)
            paragraphs.append(f"```python\n{code}\n```")
        else:
            paragraphs += [SPECIAL.sub(r"\\\1", line) for line in lines]
    return "\n\n".join(paragraphs)


def main() -> None:
    """Write all pictures and the text that contains them."""
    OUTPUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sections = [
            f"## A study\n\nEvery study draws these plots, and more, into its folder:\n\n```sh\n{COMMAND}\n```\n",
            *plots_of_study(folder),
            "## The course\n\nFigures of [the course](course.md), with their captions.\n",
            *figures_of_course(folder),
        ]
    (OUTPUT / PAGE).write_text("\n\n".join(sections), encoding="utf-8")


if __name__ == "__main__":
    main()
