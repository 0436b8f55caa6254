"""Findings of a study in sentences: all of them in a file, the most important below the tables in the terminal."""

from benchbed.analysis.findings import endings, findings
from benchbed.formatting import markdown_cell, printable
from benchbed.interfaces import Results
from benchbed.reports.tables.terminal import wrap

_HOW_TO_READ = """\
Every sentence follows from `summary.csv` and `comparisons.csv`. A score lies between 0 and 1; its 95 % interval is in
brackets, and is only indicative with few seeds. Two optimizers are significantly different if Holm's adjusted p value
of the paired t test over the pairs of their table is below 0.05. Optimizers that are not significantly different can
still differ: these seeds do not show it.
"""


def pieces(results: Results) -> list[str]:
    """Return the single piece, if the study has rows."""
    return ["findings"] if len(results.summary) else []


def draw(results: Results, name: str) -> dict[str, bytes]:
    """Return `tables/findings.md`."""
    sentences = findings(results)
    scope = "" if results.share is None else f"{results.share.sentence}\n\n"
    sections = [f"### Findings\n\n{scope}{_HOW_TO_READ}"]
    for title, is_overall in (("groups, and all problems together", True), ("each problem", False)):
        lines = [
            f"- {markdown_cell(finding.sentence)}"
            for finding in sentences
            if (finding.problem not in results.problems) == is_overall
        ]
        sections += ["\n".join([f"#### {title}", "", *lines, ""])] if lines else []
    sections.append(f"#### how the trials ended\n\n{endings(results.summary)}\n")
    return {"tables/findings.md": "\n".join(sections).encode("utf-8")}


def headlines(results: Results, width: int) -> str:
    """Return a sentence for each track, by group and over all problems, or on each problem if there are no means.

    Lines have at most `width` cells.
    """
    sentences = findings(results)
    means = [finding for finding in sentences if finding.problem not in results.problems]
    lines = [wrap(printable(finding.sentence), width) for finding in means or sentences]
    return "".join(f"{line}\n" for of_sentence in lines for line in of_sentence)
