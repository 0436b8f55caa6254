"""Draw how good the best of k searched settings is to be expected, per problem."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, ScalarFormatter

from benchbed.formatting import slugs
from benchbed.interfaces.results import Results
from benchbed.plotting.figure import Entry, add_legend, save_figure, stacked_panels
from benchbed.plotting.style import GREY, line_styles, theme, wrap_label
from benchbed.reports.captions import under_best_of_k
from benchbed.reports.top_optimizers import thinned

_HEIGHT = 4.0


def pieces(results: Results) -> list[str]:
    """Name the problems on which a search space was searched."""
    searched = set(results.best_of_k["problem"])
    return [problem for problem in results.problems if problem in searched]


def draw(results: Results, piece: str) -> dict[str, bytes]:
    """Give `plots/best-of-k-<problem>.png` and `.svg`."""
    results, note = thinned(results)
    name = f"best-of-k-{slugs(results.problems)[piece]}"
    expected = results.best_of_k[results.best_of_k["problem"] == piece]
    scores = _evaluation_scores(results, piece)
    shown = [optimizer for optimizer in results.optimizers if optimizer in set(expected["optimizer"])]
    with theme(name):
        figure, (axes,) = stacked_panels([[*(wrap_label(optimizer) for optimizer in shown), ""]], _HEIGHT)
        axes.set_title(wrap_label(f"{piece}: the best of k settings", 80))
        entries = []
        for optimizer in shown:
            rows = expected[expected["optimizer"] == optimizer]
            entries.append(
                _draw_line(axes, rows["k"].to_numpy(), rows["score"].to_numpy(), optimizer, results, scores)
            )
        most = int(expected["k"].max())
        _label(axes, most)
        ring = axes.plot([], [], "o", mfc="none", mec=GREY, mew=1.8, markersize=9)[0]
        add_legend(axes, [*entries, (ring, "the choice, on evaluation seeds")])
        return save_figure(figure, name, under_best_of_k(results, piece, most), note)


def _evaluation_scores(results: Results, problem: str) -> dict[str, float]:
    rows = results.summary[(results.summary["problem"] == problem) & (results.summary["track"] == "searched")]
    return dict(zip(rows["optimizer"], rows["score"].astype(float), strict=True))


def _draw_line(
    axes: Axes, k: np.ndarray, score: np.ndarray, optimizer: str, results: Results, scores: dict[str, float]
) -> Entry:
    look = line_styles(results.optimizers)[optimizer]
    (line,) = axes.plot(
        k, score, color=look.color, linestyle=look.dashes, marker=look.marker, markersize=3.5, linewidth=1.3
    )
    chosen = scores.get(optimizer, math.nan)
    axes.plot(
        k[-1:], [chosen], "o", mfc="none", mec=look.color, mew=1.8, markersize=10, zorder=5, clip_on=False
    )
    return line, wrap_label(optimizer)


def _label(axes: Axes, most: int) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks([2**power for power in range(most.bit_length())])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("k (settings tried, drawn from the optimizer's search space)")
    axes.set_ylabel("expected score (0 to 1, higher is better)")
