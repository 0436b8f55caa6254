"""Results of a study for standard output: a table for people, other formats for programs."""

import json
import math

import msgspec

from benchbed.errors import UsageError
from benchbed.interfaces.notes import describe_missing_score, format_notes
from benchbed.interfaces.results import Results
from benchbed.reports.findings import headlines
from benchbed.reports.tables.summary import group_tables, overall_tables, summary_tables
from benchbed.reports.tables.table import csv, markdown
from benchbed.reports.tables.terminal import format_tables, wrap

FORMATS = ("table", "json", "csv", "markdown")


def render(
    results: Results,
    format: str,  # noqa: A002 - the word of the command line
    width: int = 80,
    color: bool = False,
    encoding: str = "utf-8",
) -> str:
    """Format the summary as text in `encoding`; `width` (in cells) and `color` are used for tables only.

    Raises:
        UsageError: The format is not one of `FORMATS`.
    """
    tables = [*group_tables(results), *overall_tables(results), *summary_tables(results)]
    unicode = encoding.lower().replace("_", "-").startswith(("utf", "cp65001"))
    heading = [] if results.share is None else [results.share.sentence]
    match format:
        case "table":
            findings = headlines(results, width)
            text = format_tables(tables, width, color, unicode) + (f"\n{findings}" if findings else "")
            text = (
                "".join(f"{line}\n" for sentence in heading for line in [*wrap(sentence, width), ""]) + text
            )
        case "json":
            text = _json(results)
        case "csv":
            text = csv(results.summary)
        case "markdown":
            text = "\n\n".join(
                [*heading, markdown(tables if unicode else [table.to_ascii() for table in tables])]
            )
        case _:
            raise UsageError(f"unknown format '{format}'; choose one of {', '.join(FORMATS)}")
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _json(results: Results) -> str:
    """Return `{"summary": [records], "overall": …, "influence": …, "metrics": …, "shard": …}` in strict JSON.

    The shard is an object, null if the study is not one.
    NaN (unknown) and +inf (not reached, or lost) are both null; the field `infinite` of each record names the columns
    whose null stands for +inf. Hyperparameters are an object.
    """
    summary = results.summary.assign(notes=results.summary["notes"].map(format_notes)).to_dict("records")
    for row in summary:
        row["infinite"] = [
            key for key, value in row.items() if isinstance(value, float) and math.isinf(value)
        ]
        row["hyperparameters"] = json.loads(row["hyperparameters"] or "{}")
    overall = results.overall.assign(reason=results.overall["reason"].map(describe_missing_score))
    # msgspec writes null for NaN and infinity.
    frames = {
        "overall": overall.to_dict("records"),
        "influence": results.influence.to_dict("records"),
        "metrics": results.metrics.to_dict("records"),
    }
    share = results.share and results.share._asdict()
    records = msgspec.json.encode({"summary": summary, **frames, "shard": share})
    return json.dumps(json.loads(records), indent=2) + "\n"
