"""The sections of the page on single problems."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchbed.analysis.findings import Finding
from benchbed.interfaces import Results
from benchbed.reports.page.charts import Chart
from benchbed.reports.page.comparisons import comparison_table, reference_table
from benchbed.reports.page.pairings import PairingDetails, pairings_of
from benchbed.reports.page.problem_charts import charts_of
from benchbed.reports.page.reference_lines import reference_numbers
from benchbed.reports.page.reference_rows import add_rows, problem_rows
from benchbed.reports.page.tables import PageTable, metric_table, page_table
from benchbed.reports.page.tuning import tuning_table
from benchbed.reports.tables.secondary import secondary_table
from benchbed.reports.tables.summary import summary_tables

_FRAMES = ("outcomes", "tuning", "best_of_k", "summary", "measures", "metrics", "comparisons", "groups")
"""Frames with a column of problems."""


class ProblemSection(NamedTuple):
    """Charts, tables and pairings of a problem."""

    anchor: str
    name: str
    title: str
    sentences: list[tuple[str, str]]
    """A finding of each track."""
    charts: list[Chart]
    tables: list[PageTable]
    pairings: list[PairingDetails]


def problem_sections(
    results: Results,
    limited: Results,
    sentences: Sequence[Finding],
    anchors: Mapping[tuple[str, str], str],
) -> list[ProblemSection]:
    """Return the section of each problem that has rows, with the optimizers of `limited`."""
    every = {optimizer: number for number, optimizer in enumerate(results.optimizers)}
    numbers = {optimizer: every[optimizer] for optimizer in limited.optimizers}
    all_numbers = every | reference_numbers(results)
    rows_of_references = problem_rows(results)
    # Marks for the best are those among all optimizers.
    tables = {table.problem: table for table in summary_tables(results)}
    charted = by_problem(limited)
    hidden = {str(number) for optimizer, number in every.items() if optimizer not in numbers}
    sections = []
    for index, problem in enumerate(results.problems):
        if problem not in tables:
            continue
        table, part = tables[problem], charted[problem]
        secondary = secondary_table(part.measures, "Secondary metrics", results.problems[problem].has_optimum)
        all_tables = [
            page_table(
                add_rows(table._replace(title="Results"), rows_of_references.get(problem)), all_numbers
            ),
            page_table(secondary, every),
            metric_table(part, problem, every),
            tuning_table(part, problem, every),
            comparison_table(part, problem, numbers),
            reference_table(part, problem, numbers),
        ]
        sections.append(
            ProblemSection(
                f"p{index}",
                problem,
                table.title.removeprefix(f"{problem}: "),
                [
                    (finding.track, finding.sentence.removeprefix(f"{problem}, "))
                    for finding in sentences
                    if finding.problem == problem
                ],
                charts_of(part, problem, numbers),
                [
                    of_problem._replace(rows=[row for row in of_problem.rows if row.optimizers not in hidden])
                    for of_problem in all_tables
                    if of_problem is not None
                ],
                pairings_of(part, problem, numbers, anchors),
            )
        )
    return sections


def by_problem(results: Results) -> dict[str, Results]:
    """Return the results of each problem, whose frames contain its rows only.

    The problems, and means over them, are those of all: a frame of one problem is searched in a hundredth of the time
    of that of a hundred problems.
    """
    frames = {name: (getattr(results, name), getattr(results, name)["problem"]) for name in _FRAMES}
    frames["curves"] = results.curves, _problems_of(results.curves["trial_key"], results.outcomes)
    positions = {
        name: (frame, frame.groupby(problems, sort=False, observed=True).indices)
        for name, (frame, problems) in frames.items()
    }
    parts = {}
    for problem in results.problems:
        of_problem = {name: frame.take(rows.get(problem, [])) for name, (frame, rows) in positions.items()}
        # Grouping by categories takes time for each of them.
        keys = of_problem["curves"]["trial_key"].astype("category").cat.remove_unused_categories()
        of_problem["curves"] = of_problem["curves"].assign(trial_key=keys)
        parts[problem] = results._replace(**of_problem)
    return parts


def _problems_of(trial_keys: "pd.Series[str]", outcomes: pd.DataFrame) -> "pd.Series[str]":
    """Return the problem of each trial as a category; missing where `outcomes` lacks the trial."""
    keys = trial_keys.astype("category")
    of_trial = outcomes.drop_duplicates("trial_key").set_index("trial_key")["problem"]
    codes, problems = pd.factorize(of_trial.reindex(keys.cat.categories))
    of_row = np.append(codes, -1)[keys.cat.codes.to_numpy()]
    return pd.Series(pd.Categorical.from_codes(of_row, problems), index=trial_keys.index)
