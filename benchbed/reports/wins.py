"""Draw how often each optimizer beats each other one, seed by seed (protocol, rule 11)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchbed.interfaces import ALL_PROBLEMS, Results
from benchbed.plotting.figure import save_figure
from benchbed.plotting.style import theme, wrap_label
from benchbed.reports.annotated_grid import Cell, draw_cells
from benchbed.reports.captions import under_wins
from benchbed.reports.top_optimizers import thinned

_LABEL = 24  # characters in a line of a label


def pieces(results: Results) -> list[str]:
    """Give one piece, if any two optimizers are compared: over all problems, or on the only one."""
    return [_table(results)] if len(_pairs(results)) else []


def draw(results: Results, piece: str) -> dict[str, bytes]:
    """Give `plots/wins.png` and `.svg`, a panel a track."""
    results, note = thinned(results)
    pairs = _pairs(results)
    tracks = [track for track in results.tracks if (pairs["track"] == track).any()]
    with theme("wins"):
        names = {track: _names(results, pairs[pairs["track"] == track]) for track in tracks}
        size = max(3.2, 1.6 + 0.42 * max(len(of_track) for of_track in names.values()))
        figure = Figure(figsize=(size + 1.6, size * len(tracks)), layout="constrained")
        panels = figure.subplots(len(tracks), 1, squeeze=False)[:, 0]
        for track, panel in zip(tracks, panels, strict=True):
            _draw_matrix(panel, pairs[pairs["track"] == track], names[track])
            _label(panel, names[track], wrap_label(f"{piece or 'all problems'}, {track} track", 60))
        problems = len(set(results.summary["problem"])) if not piece else 1
        return save_figure(figure, "wins", under_wins(results, problems, pairs), note)


def matrix(pairs: pd.DataFrame, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Give win shares and what is told apart, each `[optimizers, optimizers]`; the diagonal is NaN and False."""
    shares, apart = np.full((len(names), len(names)), np.nan), np.zeros((len(names), len(names)), dtype=bool)
    for first, second, share, is_apart in pairs[["first", "second", "win_share", "is_apart"]].itertuples(
        index=False
    ):
        row, column = names.index(first), names.index(second)
        shares[row, column], shares[column, row] = share, 1 - share
        apart[row, column] = apart[column, row] = is_apart
    return shares, apart


def _table(results: Results) -> str:
    return ALL_PROBLEMS if len(results.problems) > 1 else next(iter(results.problems))


def _pairs(results: Results) -> pd.DataFrame:
    pairs = results.comparisons[results.comparisons["problem"] == _table(results)]
    return pairs[pairs["first"].isin(results.optimizers) & pairs["second"].isin(results.optimizers)]


def _names(results: Results, pairs: pd.DataFrame) -> list[str]:
    compared = set(pairs["first"]) | set(pairs["second"])
    return [name for name in results.optimizers if name in compared]


def _draw_matrix(axes: Axes, pairs: pd.DataFrame, names: list[str]) -> None:
    shares, apart = matrix(pairs, names)
    cells = [
        [
            Cell(share, "" if np.isnan(share) else f"{share:.2f}", bool(is_apart))
            for share, is_apart in zip(*row, strict=True)
        ]
        for row in zip(shares, apart, strict=True)
    ]
    draw_cells(axes, cells, "RdBu")
    axes.set_aspect("equal")


def _label(axes: Axes, names: list[str], title: str) -> None:
    places, labels = np.arange(len(names)) + 0.5, [wrap_label(name, _LABEL) for name in names]
    axes.set_xticks(places, labels)
    axes.set_yticks(places, labels)
    axes.tick_params(axis="x", rotation=90)
    axes.set_title(title)
