"""Write what the comparisons of a study show, in words: whole to a file, and in brief for standard output."""

import textwrap

from benchbed.analysis.findings import Finding, endings, findings
from benchbed.formatting import markdown_cell, printable
from benchbed.interfaces import ALL_PROBLEMS, Results

_HOW_TO_READ = """\
Every sentence follows from `summary.csv` and `comparisons.csv`. A score lies between 0 and 1; brackets hold its 95 %
interval, which is indicative where there are few seeds. Two optimizers are told apart when Holm's adjusted p of the
paired t test over the pairs of their table is below 0.05. What is not told apart may still differ: these seeds do
not show it.
"""


def pieces(results: Results) -> list[str]:
    """Name the single piece, if there is anything to find."""
    return ["findings"] if len(results.summary) else []


def draw(results: Results, piece: str) -> dict[str, bytes]:
    """Give `tables/findings.md`."""
    found = _found(results)
    parts = [f"### Findings\n\n{_HOW_TO_READ}"]
    for title, of_all in (("all problems together", True), ("each problem", False)):
        lines = [
            f"- {markdown_cell(one.sentence)}" for one in found if (one.problem == ALL_PROBLEMS) == of_all
        ]
        parts += ["\n".join([f"#### {title}", "", *lines, ""])] if lines else []
    parts.append(f"#### how the trials ended\n\n{endings(results.summary)}\n")
    return {"tables/findings.md": "\n".join(parts).encode("utf-8")}


def headlines(results: Results, width: int) -> str:
    """Give a sentence a track, over all problems or on the only one, in lines of at most `width` cells."""
    whole = ALL_PROBLEMS if results.summary["problem"].nunique() > 1 else None
    sentences = [found.sentence for found in _found(results) if whole is None or found.problem == whole]
    indent = "  " if width > 4 else ""
    lines = [
        line
        for sentence in sentences
        for line in textwrap.wrap(
            printable(sentence), max(width, 1), subsequent_indent=indent, break_on_hyphens=False
        )
    ]
    return "".join(f"{line}\n" for line in lines)


def _found(results: Results) -> list[Finding]:
    return findings(results.summary, results.overall, results.comparisons, results.groups)
