"""Scores of the whole study: optimizers × problems, one panel a track."""

import math
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchbed.analysis.aggregate import has_note
from benchbed.formatting import fixed
from benchbed.interfaces import LOST_STATUSES, Note, Results
from benchbed.plotting.figure import WIDTH, save_figure
from benchbed.plotting.style import theme, wrap_label
from benchbed.reports.captions import EXACT_MARK, under_heatmap
from benchbed.reports.ranking import leading_rows, limit_optimizers

_COLUMNS = 9  # problems in one figure
_WIDE = 5  # up to so many problems the labels below the columns are horizontal
_SMALL: dict[str, Any] = {"annot_kws": {"fontsize": 8}}
_LABEL, _NARROW_LABEL = 40, 16  # characters in a line of a label


def pieces(results: Results) -> list[str]:
    """Number the figures that contain all problems."""
    return [str(page + 1) for page in range(math.ceil(len(_problems(results)) / _COLUMNS))]


def draw(results: Results, page: str) -> dict[str, bytes]:
    """Draw `plots/heatmap.png` and `.svg`; further problems are in `heatmap-2` and so on."""
    results, note = limit_optimizers(results)
    first = (int(page) - 1) * _COLUMNS
    problems = _problems(results)[first : first + _COLUMNS]
    name = "heatmap" if page == "1" else f"heatmap-{page}"
    summary = results.summary[results.summary["problem"].isin(problems)]
    tracks = [track for track in results.tracks if (summary["track"] == track).any()]
    cells = heatmap_cells(summary, results.groups)
    is_wide = len(problems) <= _WIDE
    labels = [wrap_label(problem, _NARROW_LABEL if is_wide else _LABEL) for problem in problems]
    # The panels are large enough for the texts of the cells and for the labels, in inches.
    rows = sum(max(0.3, 0.17 * (wrap_label(name, _LABEL).count("\n") + 1)) for name in results.optimizers)
    width = min(WIDTH, max(6.5, 3.6 + 1.3 * len(problems)))
    if is_wide:
        depth = 0.17 * max(label.count("\n") + 1 for label in labels)
    else:
        depth = 0.08 * max(len(line) for label in labels for line in label.split("\n"))
    with theme(name):
        figure = Figure(
            figsize=(width, max((rows + 0.4) * len(tracks) + depth + 0.3, 3.0)), layout="constrained"
        )
        panels = list(figure.subplots(len(tracks), 1, squeeze=False, sharex=True)[:, 0])
        for axes, track in zip(panels, tracks, strict=True):
            draw_panel(axes, cells[cells["track"] == track], list(results.optimizers), problems)
            axes.set_title(f"{track} track")
        panels[-1].set_xticks(np.arange(len(problems)) + 0.5, labels, rotation=0 if is_wide else 90)
        figure.colorbar(
            panels[0].collections[0], ax=panels, label="score / highest score of the problem", fraction=0.05,
            aspect=30, pad=0.02,
        )  # fmt: skip
        has_losses = bool(summary[list(LOST_STATUSES)].to_numpy().any())
        has_exact = bool(has_note(summary, Note.EXACT_ORACLE).any())
        return save_figure(figure, name, under_heatmap(results, problems, has_losses, has_exact), note)


def _problems(results: Results) -> list[str]:
    planned = set(results.summary["problem"])
    return [problem for problem in results.problems if problem in planned]


def heatmap_cells(summary: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each cell: its color as a share of the highest score of the problem, text and boldness.

    A row with skipped trials has no score.
    """
    lost, is_exact = summary[list(LOST_STATUSES)].sum(axis=1), has_note(summary, Note.EXACT_ORACLE)
    scores = summary["score"].mask(summary["skipped"] > 0)
    compared = scores.where(~is_exact)
    highest = compared.groupby(summary["problem"], sort=False).transform("max")
    texts = [
        fixed(score, 3) + (f" ×{losses}" if losses else "") + (f" {EXACT_MARK}" if exact else "")
        for score, losses, exact in zip(scores, lost, is_exact, strict=True)
    ]
    color = (scores / highest).where(highest > 0, scores)
    return summary[["problem", "optimizer", "track"]].assign(
        color=color, text=texts, is_bold=leading_rows(summary, groups)
    )


def draw_panel(
    axes: Axes, rows: pd.DataFrame, optimizers: list[str], problems: list[str], **options: Any
) -> None:
    """Draw the cells of one track, without labels of the problems; `options` are passed on to `seaborn.heatmap`."""
    color, text, is_bold = (
        rows.pivot(index="optimizer", columns="problem", values=name).reindex(
            index=optimizers, columns=problems
        )
        for name in ("color", "text", "is_bold")
    )
    text = text.fillna("–")
    sns.heatmap(
        color.astype(float), annot=text, fmt="", xticklabels=False, yticklabels=False, ax=axes,
        **{"cmap": "YlGnBu", "vmin": 0, "vmax": 1, "linewidths": 1, "cbar": False, **_SMALL, **options},
    )  # fmt: skip
    axes.set(xlabel="", ylabel="")
    axes.grid(visible=False)
    axes.set_yticks(np.arange(len(optimizers)) + 0.5, [wrap_label(name, _LABEL) for name in optimizers])
    scored = np.argwhere(color.notna().to_numpy())  # seaborn annotates these cells, row by row
    for (row, column), annotation in zip(scored, list(axes.texts), strict=True):
        annotation.set_fontweight("bold" if is_bold.iloc[row, column] else "normal")
    for row, column in np.argwhere(color.isna().to_numpy()):
        axes.text(column + 0.5, row + 0.5, text.iloc[row, column], ha="center", va="center", fontsize=8)
    # seen where there is no score
    axes.patch.set(facecolor="white", hatch="////", edgecolor="0.85", linewidth=0)
