"""Tables of the page: scores with intervals, statuses, scores of every pairing, and metrics."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchbed.formatting import plural, short
from benchbed.interfaces import ALL_PROBLEMS, Results
from benchbed.reports.heatmap import heatmap_cells
from benchbed.reports.page.reference_rows import add_rows, mean_rows, problem_rows, reference_summary
from benchbed.reports.tables.summary import group_tables, overall_tables, summary_tables
from benchbed.reports.tables.table import LEFT_ALIGNED, TextTable

_SHADES = 10
"""Number of shades of the cells of the heatmap, beside white."""


class PageCell(NamedTuple):
    """Text of a cell, and whether it is among the best."""

    text: str
    is_best: bool = False
    is_text: bool = False
    """Whether it belongs to a column of text."""


class PageRow(NamedTuple):
    """A row of a table, which belongs to optimizers and to a track."""

    optimizers: str
    """Indices of the optimizers in the study, separated by spaces."""
    track: str
    cells: Sequence[PageCell]
    interval: tuple[float, float, float] | None = None
    """Low, mean and high score, in percent of the range of all limits of the table."""


class PageTable(NamedTuple):
    """A table whose rows can be sorted and filtered."""

    title: str
    headers: Sequence[str]
    rows: Sequence[PageRow]


class HeatmapCell(NamedTuple):
    """The score of a pairing."""

    text: str
    shade: int | None
    """From 0 to `_SHADES`; None without a score."""
    is_best: bool
    anchor: str
    """Of the details of the pairing."""


def page_table(
    table: TextTable, numbers: Mapping[str, int], intervals: Sequence[tuple[float, float, float] | None] = ()
) -> PageTable:
    """Convert a table of text; columns without any text are left out."""
    frame = table.cells.loc[:, (table.cells != "").any()]
    leads = dict(table.leads) or {table.marked_column: table.is_best}
    records = frame.to_dict("records")
    rows = []
    for index, record in enumerate(records):
        cells = [
            PageCell(
                str(text),
                bool(len(leads.get(str(header), ())) and leads[str(header)][index]),
                header in LEFT_ALIGNED,
            )
            for header, text in record.items()
        ]
        interval = intervals[index] if intervals else None
        number = str(numbers.get(str(record["optimizer"]), ""))
        rows.append(PageRow(number, str(record.get("track", "")), cells, interval))
    return PageTable(table.title, [str(header) for header in frame], rows)


def score_table(results: Results, numbers: Mapping[str, int]) -> PageTable | None:
    """Build the first table: mean scores over all problems and by group, or the scores on the only problem.

    None if there are no mean scores. Reference results have rows below those of the study.
    """
    overall, groups = overall_tables(results), group_tables(results)
    if not overall:
        tables = summary_tables(results) if len(results.problems) == 1 else []
        if not tables:
            return None
        only = add_rows(tables[0], problem_rows(results).get(tables[0].problem))
        rows = pd.concat([results.summary, reference_summary(results)], ignore_index=True)
        return page_table(only, numbers, _intervals(only.cells, rows))
    (table,) = overall
    cells = table.cells.reset_index(drop=True)
    mean = f"all {plural(len(results.problems), 'problem')}"
    limits = cells["95%"] if "95%" in cells else pd.Series([""] * len(cells))
    scores = (cells["score"] + " " + limits).str.strip()
    merged = cells[["optimizer", "track"]].assign(**{mean: scores})
    leads: dict[str, Sequence[bool]] = {mean: table.is_best}
    for of_groups in groups:
        by_row = of_groups.cells.drop(columns="notes").assign(
            **{f"{k} ": v for k, v in of_groups.leads.items()}
        )
        merged = merged.merge(by_row, on=["optimizer", "track"], how="left")
        leads |= {name: merged.pop(f"{name} ").fillna(False).tolist() for name in of_groups.leads}
    merged = merged.assign(notes=cells["notes"]).fillna("")
    means = results.overall[results.overall["group"] == ALL_PROBLEMS]
    title = f"Mean scores over {plural(len(results.problems), 'problem')}"
    title += " and by group" if groups else ""
    references = mean_rows(results, [*map(str, merged)], [*dict.fromkeys(merged["track"])])
    table = add_rows(table._replace(title=title, cells=merged, leads=leads), references.cells)
    means = pd.concat([means, references.scores], ignore_index=True)
    return page_table(table, numbers, _intervals(table.cells, means))


def _intervals(cells: pd.DataFrame, scores: pd.DataFrame) -> list[tuple[float, float, float] | None]:
    """Return low, mean and high score of each row, in percent of the range of all limits."""
    columns = ["score_low", "score", "score_high"]
    limits = cells[["optimizer", "track"]].merge(scores, on=["optimizer", "track"], how="left")[columns]
    return interval_positions(limits.to_numpy(dtype=float))


def interval_positions(limits: np.ndarray) -> list[tuple[float, float, float] | None]:
    """Return low limit, mean and high limit of each row in percent of the range of all; None without a mean.

    Args:
        limits: `[rows, 3]`; missing limits are NaN, and drawn at the mean.
    """
    limits = np.where(np.isnan(limits), limits[:, 1:2], limits)
    if np.isnan(limits).all():
        return [None] * len(limits)
    bottom, top = np.nanmin(limits), np.nanmax(limits)
    positions = 100 * (limits - bottom) / ((top - bottom) or 1.0)
    return [None if math.isnan(mean) else (low, mean, high) for low, mean, high in positions.tolist()]


def status_table(results: Results, numbers: Mapping[str, int]) -> PageTable:
    """Build the table of the statuses of all evaluation trials by optimizer and track."""
    counts = (
        results.outcomes.groupby(["optimizer", "track"], sort=False)["status"]
        .value_counts()
        .unstack(fill_value=0)
    )
    rows = [
        PageRow(
            str(numbers[str(optimizer)]),
            str(track),
            [
                *text_cells(str(optimizer), str(track)),
                *(PageCell(str(count) if count else "") for count in of_row),
            ],
        )
        for (optimizer, track), of_row in zip(counts.index, counts.to_numpy().tolist(), strict=True)
    ]
    headers = [str(status).replace("_", " ") for status in counts.columns]
    return PageTable("Statuses of evaluation trials", ["optimizer", "track", *headers], rows)


def heatmaps(results: Results, anchors: Mapping[tuple[str, str], str]) -> dict[str, list[list[HeatmapCell]]]:
    """Return the cells by track, optimizer and problem; `anchors` are those of the pairings."""
    cells = heatmap_cells(results.summary, results.groups).set_index(["track", "optimizer", "problem"])
    by_key: dict[Any, Any] = cells[["text", "color", "is_bold"]].to_dict("index")
    missing: dict[Any, Any] = {"text": "–", "color": math.nan, "is_bold": False}
    shown = {}
    for track in dict.fromkeys(results.summary["track"]):
        rows = []
        for optimizer in results.optimizers:
            row = []
            for problem in results.problems:
                cell = by_key.get((track, optimizer, problem), missing)
                shade = None if math.isnan(cell["color"]) else round(_SHADES * min(max(cell["color"], 0), 1))
                anchor = anchors.get((problem, optimizer), "")
                row.append(HeatmapCell(cell["text"], shade, bool(cell["is_bold"]), anchor))
            rows.append(row)
        shown[str(track)] = rows
    return shown


def metric_table(results: Results, problem: str, numbers: Mapping[str, int]) -> PageTable | None:
    """Build the table of the metrics at final points of one problem; None without metrics."""
    values = results.metrics[results.metrics["problem"] == problem]
    if values.empty:
        return None
    rows = []
    for row in values.to_dict("records"):
        interval = "" if math.isnan(row["low"]) else f" [{short(row['low'])}, {short(row['high'])}]"
        cells = [
            *text_cells(row["optimizer"], row["track"], row["metric"]),
            PageCell(f"{short(row['median'])}{interval}"),
        ]
        number = str(numbers[row["optimizer"]])
        rows.append(PageRow(number, row["track"], [*cells, PageCell(str(row["trials"]))]))
    return PageTable("Metrics at final points", ["optimizer", "track", "metric", "median", "trials"], rows)


def text_cells(*texts: str) -> list[PageCell]:
    """Return cells of columns of text."""
    return [PageCell(str(text), is_text=True) for text in texts]
