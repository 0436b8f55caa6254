"""Tables of the secondary metrics."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchbed.formatting import plural, short
from benchbed.reports.tables.table import TableColumn, TableRow, TextTable

_HEADERS = (
    "optimizer", "track", "success", "starts in basin", "median calls", "hardest target", "calls to it",
    "interval (level)", "gap", "decades within 2×", "grid diverged", "µs/step", "state bytes/parameter",
)  # fmt: skip


def secondary_table(rows: pd.DataFrame, title: str, has_optimum: bool) -> TextTable:
    """Build the table of one problem; a column without any value is left out."""
    columns = [
        TableColumn("objective" if header == "gap" and not has_optimum else header, align)
        for header, align in zip(_HEADERS, ["left"] * 2 + ["right"] * 11, strict=True)
    ]
    body = [TableRow(_cells(row, has_optimum)) for row in rows.to_dict("records")]
    return TextTable("", title, tuple(columns), tuple(body)).without_empty_columns(empty="–")


def describe_robustness(row: Mapping[Any, Any]) -> str:
    """Format the robustness to the learning rate: `1.5 decades within 2×, 33% diverge`; empty if unknown.

    Where no rate reaches the success target there are no decades.
    """
    decades, diverged = float(row["robustness_decades"]), float(row["share_diverged"])
    phrases = []
    if decades > 0:
        phrases.append(f"{plural(decades, 'decade')} within 2×")
    if not math.isnan(diverged):
        phrases.append(f"{short(100 * diverged, 2)}% diverge")
    return ", ".join(phrases)


def _cells(row: Mapping[Any, Any], has_optimum: bool) -> tuple[str, ...]:
    def number(name: str, digits: int = 3) -> str:
        return short(float(row[name]), digits)

    def percent(name: str) -> str:
        return "–" if math.isnan(row[name]) else f"{100 * row[name]:.3g}%"

    level = float(row["hardest_level"])
    interval = f"[{number('hardest_low')}, {number('hardest_high')}] ({100 * level:.1f}%)"
    return (
        row["optimizer"],
        row["track"],
        percent("success_rate"),
        percent("success_baseline"),
        number("median_calls"),
        number("hardest_target"),
        number("hardest_calls"),
        "–" if math.isnan(level) else interval,
        number("gap", 2 if has_optimum else 5),
        number("robustness_decades"),
        percent("share_diverged"),
        number("microseconds_per_step"),
        number("state_bytes_per_parameter"),
    )
