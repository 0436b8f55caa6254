"""Word the measures that stand beside the score, for people."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from benchbed.formatting import short
from benchbed.reports.table_rows import Symbols


class Column(NamedTuple):
    """A column of the readable table: its header, and whether it holds text or numbers."""

    header: str
    align: str = "right"


COLUMNS = (
    Column("optimizer", "left"),
    Column("track", "left"),
    Column("success"),
    Column("starts in basin"),
    Column("median calls"),
    Column("hardest target"),
    Column("calls to it"),
    Column("interval (level)"),
    Column("gap"),
    Column("decades within 2×"),
    Column("grid diverged"),
    Column("µs/step"),
    Column("state bytes/parameter"),
)
_ASCII = str.maketrans({"×": "x", "µ": "u", "∞": "inf"})
_GAP = next(place for place, column in enumerate(COLUMNS) if column.header == "gap")


class Grid(NamedTuple):
    """A table as text that is not yet escaped for where it is going."""

    headers: list[str]
    aligns: list[str]
    body: list[list[str]]


def grid(rows: pd.DataFrame, has_optimum: bool, symbols: Symbols) -> Grid:
    """Give the readable measures of one problem; a column in which no row has anything is left out."""
    records = [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]
    body = [_cells(record, has_optimum, symbols) for record in records]
    keep = [place for place in range(len(COLUMNS)) if any(line[place] != symbols.missing for line in body)]
    headers = [column.header for column in COLUMNS]
    if not has_optimum:
        headers[_GAP] = "objective"
    if symbols.infinite.isascii():
        headers = [header.translate(_ASCII) for header in headers]
    return Grid(
        [headers[place] for place in keep],
        [COLUMNS[place].align for place in keep],
        [[line[place] for place in keep] for line in body],
    )


def describe_robustness(row: Mapping[Any, Any]) -> str:
    """Format the robustness to the learning rate: `1.5 decades within 2×, 33% diverge`; empty if unknown.

    Where no rate reaches the success target there are no decades.
    """
    decades, diverged = float(row["robustness_decades"]), float(row["share_diverged"])
    phrases = []
    if decades > 0:
        phrases.append(f"{short(decades)} decade{'' if decades == 1 else 's'} within 2×")
    if not math.isnan(diverged):
        phrases.append(f"{short(100 * diverged, 2)}% diverge")
    return ", ".join(phrases)


def _cells(row: Mapping[str, Any], has_optimum: bool, symbols: Symbols) -> list[str]:
    missing, infinite = symbols.missing, symbols.infinite

    def number(name: str, digits: int = 3) -> str:
        return short(float(row[name]), digits, missing, infinite)

    def percent(name: str) -> str:
        return missing if math.isnan(row[name]) else f"{100 * row[name]:.3g}%"

    return [
        row["optimizer"],
        row["track"],
        percent("success_rate"),
        percent("success_baseline"),
        number("median_calls"),
        number("hardest_target"),
        number("hardest_calls"),
        _interval(row, symbols),
        number("gap", 2 if has_optimum else 5),
        number("robustness_decades"),
        percent("share_diverged"),
        number("microseconds_per_step"),
        number("state_bytes_per_parameter"),
    ]


def _interval(row: Mapping[str, Any], symbols: Symbols) -> str:
    level = float(row["hardest_level"])
    if math.isnan(level):
        return symbols.missing
    low, high = (short(float(row[name]), 3, *symbols[:2]) for name in ("hardest_low", "hardest_high"))
    return f"[{low}, {high}] ({100 * level:.1f}%)"
