"""Tables of the secondary metrics."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchbed.formatting import percentage, plural, short
from benchbed.reports.tables.table import TextTable


def secondary_table(rows: pd.DataFrame, title: str, has_optimum: bool) -> TextTable:
    """Build the table of one problem; a column without any value is left out."""

    def numbers(column: str, digits: int = 3) -> list[str]:
        return [short(value, digits) for value in rows[column].astype(float)]

    intervals = zip(rows["hardest_level"], numbers("hardest_low"), numbers("hardest_high"), strict=True)
    cells = pd.DataFrame(
        {
            "optimizer": rows["optimizer"],
            "track": rows["track"],
            "success": rows["success_rate"].map(percentage),
            "starts in basin": rows["success_baseline"].map(percentage),
            "median calls": numbers("median_calls"),
            "hardest target": numbers("hardest_target"),
            "calls to it": numbers("hardest_calls"),
            "interval (level)": [
                "–" if math.isnan(level) else f"[{low}, {high}] ({100 * level:.1f}%)"
                for level, low, high in intervals
            ],
            **({"gap": numbers("gap", 2)} if has_optimum else {"objective": numbers("objective", 5)}),
            "decades within 2×": numbers("robustness_decades"),
            "grid diverged": rows["share_diverged"].map(percentage),
            "calls/step": numbers("calls_per_step"),
            "µs/step": numbers("microseconds_per_step"),
            "state bytes/parameter": numbers("state_bytes_per_parameter"),
        }
    )
    return TextTable("", title, cells.loc[:, (cells != "–").any()], is_best=(), notes=())


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
