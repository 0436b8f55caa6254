"""Results of suites as the tables and sentences of docs/suites.md.

`python benchmarks/suite_results.py modern schedules -O studies [--write docs/suites.md]`. Each suite runs as
`benchbed run NAME -O studies/NAME`, unless that study has been finished before; its wall time is kept beside it. The
script prints, for each suite, the wall time, the mean scores by group, the share of trials that reached all targets,
and the findings on groups. With `--write` it replaces the text between `<!-- NAME -->` and `<!-- end -->` in a file by
them. It exits with 1 if a trial of a suite has no result.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import benchbed
from benchbed.analysis.aggregate import has_note
from benchbed.analysis.findings import findings
from benchbed.formatting import markdown_cell, plural
from benchbed.interfaces import Note
from benchbed.reports.tables.summary import group_tables, overall_tables
from benchbed.reports.tables.table import markdown

TRACK = "tuned"
FINISHED = (0, 1)
"""Exit codes of a study that ran to its end; 1 means that trials have no result."""
ROUND = 5
"""Seconds to which a wall time is rounded."""


def run(name: str, folder: Path) -> tuple[benchbed.Study, float]:
    """Run a suite in a folder, unless it is there; return the study and its wall time in seconds."""
    path, seconds = folder / name, folder / f"{name}.seconds"
    if not seconds.exists():
        folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        command = [str(Path(sys.executable).with_name("benchbed")), "run", name, "--fresh", "-O", str(path)]
        code = subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode
        elapsed = time.monotonic() - started
        if code not in FINISHED:
            sys.exit(code)  # its message is on stderr
        seconds.write_text(f"{elapsed:.1f}\n", encoding="utf-8")
    return benchbed.load(path), float(seconds.read_text(encoding="utf-8"))


def describe(name: str, study: benchbed.Study, seconds: float) -> str:
    """Return the wall time, the tables of means and the findings on groups, in Markdown."""
    results = study.results
    minutes, rest = divmod(ROUND * round(seconds / ROUND), 60)
    facts = [
        plural(len(results.problems), "problem"),
        plural(len(results.optimizers), "optimizer"),
        f"{f'{minutes} min ' * bool(minutes)}{rest} s on {plural(os.cpu_count() or 1, 'core')}",
    ]
    means = [finding for finding in findings(results) if finding.problem not in results.problems]
    tables = group_tables(results) or overall_tables(results)
    # No means are printed of other tracks, and notes are empty where all means are there.
    tables = [
        table._replace(cells=table.cells.loc[:, (table.cells != "").any()].drop(columns="track"))
        for table in tables
    ]
    return "\n".join(
        [
            f"`benchbed run {name}`: {', '.join(facts)}.\n",
            re.sub(r"^### .*\n\n", "", markdown(tables)),
            f"Tuned trials that reached all targets of their problem:\n\n{solved_table(study)}\n",
            *(f"- {markdown_cell(finding.sentence)}" for finding in means),
        ]
    )


def solved_table(study: benchbed.Study) -> str:
    """Return the share of trials that reached all targets by optimizer and group, in Markdown.

    It is the mean over the problems of the group, as the score is: the single trial of a problem on which nothing
    depends on the seed represents every seed. Where a group has no mean score, it has no share either.
    """
    results = study.results
    rows = results.summary[results.summary["track"] == TRACK]
    rows = rows.assign(
        group=[results.problems[problem].group for problem in rows["problem"]],
        share=rows["solved"] / rows["trials"],
        has_mean=(rows["skipped"] == 0) & ~has_note(rows, Note.EXACT_ORACLE),
    )
    means = rows.groupby(["optimizer", "group"], sort=False).agg({"share": "mean", "has_mean": "all"})
    cells = means["share"].map("{:.0%}".format).where(means["has_mean"], "–").unstack("group")
    cells = cells.loc[list(results.optimizers), list(dict.fromkeys(rows["group"]))]
    return str(cells.to_markdown(disable_numparse=True))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the results of suites, or write them into a page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("-O", "--output", type=Path, default=Path("studies"), help="folder of the studies")
    parser.add_argument("--write", type=Path, help="page whose marked blocks are replaced")
    options = parser.parse_args(arguments)
    lost = 0
    for name in options.names:
        study, seconds = run(name, options.output)
        lost += study.lost
        block = describe(name, study, seconds)
        print(block)
        if options.write:
            text = options.write.read_text(encoding="utf-8")
            marked = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
            if not marked.search(text):
                parser.error(f"{options.write} has no block <!-- {name} --> … <!-- end -->")
            replaced = marked.sub(lambda match, block=block: f"{match[1]}\n{block}\n\n{match[2]}", text)
            options.write.write_text(replaced, encoding="utf-8")
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
