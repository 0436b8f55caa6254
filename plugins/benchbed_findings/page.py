"""The page of findings in Markdown, with a section for each part: its figure and a table."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchbed import StudyFolderError
from benchbed_findings.command import PARTS
from benchbed_findings.record import Finding

PAGE = "findings.md"
HEADER = "| finding | source | expected | measured | holds |\n|---|---|---|---|---|"


def check_folder(folder: Path) -> None:
    """Create the folder of the page. Raises: StudyFolderError if it cannot be created or written."""
    with _reported_errors(folder / PAGE):
        tempfile.TemporaryFile(dir=folder).close()


def write_page(folder: Path, results: Mapping[str, Sequence[Finding]]) -> Path:
    """Draw the figures of the parts and write them beside the page; return the path of the page.

    Raises: StudyFolderError if a file cannot be written.
    """
    from benchbed_findings.drawing import draw  # matplotlib is needed only here

    for part, findings in results.items():
        panels = [finding.panel for finding in findings if finding.panel]
        for suffix, content in draw(part, panels).items():
            with _reported_errors(folder / f"{part}.{suffix}") as path:
                path.write_bytes(content)
    with _reported_errors(folder / PAGE) as page:
        page.write_text(render(results, with_figures=True), encoding="utf-8")
    return page


def render(results: Mapping[str, Sequence[Finding]], with_figures: bool) -> str:
    """Return the sections of the parts as Markdown."""
    return "\n".join(_section(part, findings, with_figures) for part, findings in results.items())


def table_row(finding: Finding) -> str:
    """Return a finding as a row of a table with the columns `HEADER`."""
    cells = (
        *(finding.sentence, finding.source, finding.expected, finding.measured),
        "yes" if finding.holds else "NO",
    )
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _section(part: str, findings: Sequence[Finding], with_figure: bool) -> str:
    sentence = PARTS[part]
    lines = [f"### {part.capitalize()}", "", f"{sentence} `benchbed findings {part}` computes this part.", ""]
    if with_figure:
        lines += [f"![{sentence}]({part}.svg)", ""]
    return "\n".join([*lines, HEADER, *map(table_row, findings), ""])


@contextmanager
def _reported_errors(path: Path) -> Iterator[Path]:
    """Create the folder of a file, and turn errors of the file system into a StudyFolderError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path
    except OSError as error:
        raise StudyFolderError(
            f"{path} cannot be written: {error.strerror}; choose another folder with --output"
        ) from error
