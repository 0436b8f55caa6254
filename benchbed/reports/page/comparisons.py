"""Tables of pairwise comparisons: difference with its interval, p values and the share of seeds won."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from benchbed.formatting import fixed, short
from benchbed.interfaces import ALL_PROBLEMS, Results
from benchbed.interfaces.results import group_table
from benchbed.reports.page.reference_lines import reference_numbers
from benchbed.reports.page.tables import PageCell, PageRow, PageTable, text_cells

_MOST_PAIRS = 105
"""Pairs in a track of a table, those of 15 optimizers; of more, the table contains those of the best optimizer."""


def mean_comparisons(results: Results, numbers: Mapping[str, int]) -> list[tuple[str, PageTable]]:
    """Return title and pairs of the means over all problems, and over those of each group."""
    groups = dict.fromkeys(facts.group for facts in results.problems.values())
    titles = {ALL_PROBLEMS: "all problems"} | {group_table(group): f"group {group}" for group in groups}
    tables = [(title, comparison_table(results, problem, numbers)) for problem, title in titles.items()]
    tables += [
        (f"{title}, with reference results", reference_table(results, problem, numbers))
        for problem, title in titles.items()
    ]
    return [(title, table) for title, table in tables if table is not None]


def comparison_table(results: Results, problem: str, numbers: Mapping[str, int]) -> PageTable | None:
    """Build the table of the pairs of one problem, group or mean; None without pairs."""
    pairs = results.comparisons[results.comparisons["problem"] == problem]
    pairs = pairs[pairs["first"].isin(list(numbers)) & pairs["second"].isin(list(numbers))]
    titles = ("Pairwise comparisons", "Pairwise comparisons with the best; tables/comparisons.csv has all")
    return _table_of(pairs, titles, numbers, ["first", "second"])


def reference_table(results: Results, problem: str, numbers: Mapping[str, int]) -> PageTable | None:
    """Build the table of the pairs with optimizers of reference studies; None without pairs.

    Of many pairs, the table contains those of the best optimizer of the study.
    """
    if results.reference_comparisons is None:
        return None
    pairs = results.reference_comparisons
    pairs = pairs[(pairs["problem"] == problem) & pairs["first"].isin(list(numbers))]
    titles = (
        "Comparisons with reference results",
        "Comparisons of the best with reference results; tables/reference-comparisons.csv has all",
    )
    return _table_of(pairs, titles, {**numbers, **reference_numbers(results)}, ["first"])


def _table_of(
    pairs: pd.DataFrame, titles: tuple[str, str], numbers: Mapping[str, int], candidates: Sequence[str]
) -> PageTable | None:
    """Build the table of all pairs, or of those of the best; `titles` are those of the two tables.

    `candidates` are the columns of the optimizers of which one is the best.
    """
    if pairs.empty:
        return None
    title, title_of_best = titles
    if len(pairs) > _MOST_PAIRS * pairs["track"].nunique():
        pairs, title = _pairs_of_best(pairs, candidates), title_of_best
    rows = []
    for pair in pairs.to_dict("records"):
        is_apart = bool(pair["is_apart"])
        texts = (short(float(pair[name]), 2) for name in ("p_value", "adjusted_p", "win_share"))
        rows.append(
            PageRow(
                f"{numbers[pair['first']]} {numbers[pair['second']]}",
                pair["track"],
                [
                    *text_cells(pair["first"], pair["second"], pair["track"]),
                    PageCell(f"{_difference(pair['difference'])}{_interval(pair)}", is_apart),
                    *map(PageCell, texts),
                    PageCell("yes" if is_apart else "no", is_text=True),
                ],
            )
        )
    measure = "final objective" if (pairs["measure"] == "objective").any() else "score"
    headers = [
        "first",
        "second",
        "track",
        f"difference of the {measure}",
        "p",
        "adjusted p",
        "share of seeds won",
    ]
    return PageTable(title, [*headers, "significantly different"], rows)


def _pairs_of_best(pairs: pd.DataFrame, candidates: Sequence[str]) -> pd.DataFrame:
    """Return the pairs of the best optimizer of each track: the greatest sum of differences."""
    gains = pairs["difference"].where(pairs["measure"] != "objective", -pairs["difference"])
    totals = pd.concat(
        [
            pd.DataFrame({"track": pairs["track"], "optimizer": pairs[name], "gain": sign * gains})
            for name, sign in (("first", 1), ("second", -1))
            if name in candidates
        ]
    )
    sums = totals.groupby(["track", "optimizer"], sort=False)["gain"].sum()
    best = set(sums.groupby("track", sort=False).idxmax())
    is_best = [
        (track, first) in best or (track, second) in best
        for track, first, second in zip(pairs["track"], pairs["first"], pairs["second"], strict=True)
    ]
    return pairs[is_best]


def _difference(value: float) -> str:
    return fixed(value, 3) if abs(value) < 1 else short(value)


def _interval(pair: Mapping[Any, Any]) -> str:
    low, high = float(pair["low"]), float(pair["high"])
    return "" if math.isnan(low) else f" [{_difference(low)}, {_difference(high)}]"
