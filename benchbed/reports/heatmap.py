"""Draw the scores of the whole study: optimizers × problems, one panel a track."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from benchbed.analysis.aggregate import has_note
from benchbed.interfaces import LOST_STATUSES, Note, Results, RowNote
from benchbed.plotting.figure import WIDTH, save_figure
from benchbed.plotting.style import theme, wrap_label
from benchbed.reports.annotated_grid import Cell, draw_cells
from benchbed.reports.captions import under_heatmap
from benchbed.reports.ranking import EXACT_MARK, leading_rows
from benchbed.reports.top_optimizers import thinned

_COLUMNS = 9  # more problems than this go into further figures: the numbers would not fit their cells
_WIDE = 5  # up to so many problems have columns wide enough for slanted labels
_LABEL = 40  # characters in a line of a label
_NOTHING = Cell(math.nan, "–")


def pieces(results: Results) -> list[str]:
    """Number the figures that hold all problems."""
    return [str(page + 1) for page in range(math.ceil(len(_problems(results)) / _COLUMNS))]


def draw(results: Results, piece: str) -> dict[str, bytes]:
    """Give `plots/heatmap.png` and `.svg`; with many problems `heatmap-2` and so on."""
    results, note = thinned(results)
    first = (int(piece) - 1) * _COLUMNS
    problems = _problems(results)[first : first + _COLUMNS]
    name = "heatmap" if piece == "1" else f"heatmap-{piece}"
    summary = results.summary[results.summary["problem"].isin(problems)]
    tracks = [track for track in results.tracks if (summary["track"] == track).any()]
    with theme(name):
        figure, axes = _panels(results.optimizers, problems, len(tracks))
        cells = _cells(summary, results.groups)
        for panel, track in zip(axes, tracks, strict=True):
            mesh = _draw_panel(
                panel, [[cells.get((p, o, track), _NOTHING) for p in problems] for o in results.optimizers]
            )
            panel.set_title(f"{track} track")
            panel.set_yticks(
                np.arange(len(results.optimizers)) + 0.5, [wrap_label(o, _LABEL) for o in results.optimizers]
            )
        _label_problems(axes, problems)
        figure.colorbar(
            mesh, ax=axes, label="score\n(0 to 1, higher is better)", fraction=0.05, aspect=30, pad=0.02
        )
        has_exact = bool(has_note(summary, Note.EXACT_ORACLE).any())
        has_losses = bool(summary[list(LOST_STATUSES)].to_numpy().any())
        return save_figure(figure, name, under_heatmap(results, problems, has_losses, has_exact), note)


def _problems(results: Results) -> list[str]:
    planned = set(results.summary["problem"])
    return [problem for problem in results.problems if problem in planned]


def _panels(optimizers: Sequence[str], problems: Sequence[str], tracks: int) -> tuple[Figure, list[Axes]]:
    """Give a figure in which every cell has room for its text, and every label for its lines."""
    rows = sum(max(0.3, 0.17 * (wrap_label(name, _LABEL).count("\n") + 1)) for name in optimizers)
    labels = 0.08 * max(len(line) for name in problems for line in wrap_label(name, _LABEL).split("\n"))
    width = min(WIDTH, max(6.5, 3.6 + 1.1 * len(problems)))
    height = (rows + 0.4) * tracks + (labels if len(problems) > 1 else 0.3) + 0.6
    figure = Figure(figsize=(width, max(height, 3.0)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(tracks, 1, squeeze=False, sharex=True)
    return figure, [row[0] for row in axes]


def _cells(summary: pd.DataFrame, groups: pd.DataFrame) -> dict[tuple[str, str, str], Cell]:
    marked = summary.assign(
        is_best=leading_rows(summary, groups), lost=summary[list(LOST_STATUSES)].sum(axis=1)
    )
    columns = ["problem", "optimizer", "track", "score", "lost", "notes", "is_best"]
    return {
        (problem, optimizer, track): Cell(score, _text(score, int(lost), notes), bool(best))
        for problem, optimizer, track, score, lost, notes, best in marked[columns].itertuples(index=False)
    }


def _text(score: float, lost: int, notes: Sequence[RowNote]) -> str:
    parts = [
        "–" if math.isnan(score) else f"{score:.2f}",
        f"×{lost}" if lost else "",
        EXACT_MARK if Note.EXACT_ORACLE in notes else "",
    ]
    return " ".join(part for part in parts if part)


def _draw_panel(axes: Axes, cells: list[list[Cell]]) -> QuadMesh:
    mesh = draw_cells(axes, cells, "YlGnBu")
    # What has no score shows the ground, and the ground is hatched.
    axes.patch.set(facecolor="white", hatch="////", edgecolor="0.85", linewidth=0)
    return mesh


def _label_problems(axes: Sequence[Axes], problems: Sequence[str]) -> None:
    """Name the columns below the last panel, the steeper the narrower they are."""
    angle = 0 if len(problems) == 1 else 35 if len(problems) <= _WIDE else 90
    axes[-1].set_xticks(np.arange(len(problems)) + 0.5, [wrap_label(problem, _LABEL) for problem in problems])
    for label in axes[-1].get_xticklabels():
        label.set(rotation=angle, rotation_mode="anchor", multialignment="right" if angle else "center")
        label.set_horizontalalignment("right" if angle else "center")
        label.set_verticalalignment("center" if angle == 90 else "top")
