"""The report `tables`: summary and secondary metrics as CSV, Markdown and LaTeX."""

from benchbed.formatting import slugs
from benchbed.interfaces.notes import describe_missing_score
from benchbed.interfaces.results import Results
from benchbed.reports.tables.secondary import secondary_table
from benchbed.reports.tables.summary import group_tables, overall_tables, summary_tables
from benchbed.reports.tables.table import csv, latex, markdown

_RESERVED = (
    "summary", "measures", "metrics", "comparisons", "reference-comparisons", "overall", "influence", "findings",
)  # fmt: skip
"""File names in `tables/` that are not available to problems."""


def pieces(results: Results) -> list[str]:
    """Return the single piece: drawing all tables at once is cheaper than distributing them."""
    return ["summary"] if len(results.summary) else []


def draw(results: Results, name: str) -> dict[str, bytes]:
    """Return `tables/summary.*`, a table for each problem, `tables/measures.*` and further frames as CSV.

    CSV contains every column, Markdown and LaTeX a readable selection.
    """
    summary = results.summary
    names = slugs(results.problems, reserved=_RESERVED)
    problems = summary_tables(results)
    secondary = [
        secondary_table(
            results.measures[results.measures["problem"] == table.problem],
            table.title,
            results.problems[table.problem].has_optimum,
        )
        for table in problems
    ]
    contents = {"summary": (summary, [*group_tables(results), *overall_tables(results), *problems])}
    for table in problems:
        contents[names[table.problem]] = (summary[summary["problem"] == table.problem], [table])
    contents["measures"] = (results.measures, secondary)
    heading = "" if results.share is None else results.share.sentence
    files: dict[str, str] = {}
    for stem, (frame, tables) in contents.items():
        files |= {
            f"{stem}.csv": csv(frame),
            f"{stem}.md": (heading and f"{heading}\n\n") + markdown(tables),
            f"{stem}.tex": (heading and f"% {heading}\n") + latex(tables),
        }
    further = {
        "metrics": results.metrics,
        "overall": results.overall.assign(reason=results.overall["reason"].map(describe_missing_score)),
        "influence": results.influence.assign(leaders=results.influence["leaders"].map("; ".join)),
        "comparisons": results.comparisons,
        "reference-comparisons": results.reference_comparisons,
    }
    files |= {
        f"{stem}.csv": csv(frame) for stem, frame in further.items() if frame is not None and len(frame)
    }
    return {f"tables/{name}": text.encode("utf-8") for name, text in files.items()}
