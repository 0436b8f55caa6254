"""Expected score of the best of k searched settings, per problem."""

from typing import Any

from matplotlib.ticker import NullFormatter, ScalarFormatter

from benchbed.formatting import slugs
from benchbed.interfaces.results import Results
from benchbed.plotting.figure import add_legend, save_figure, stacked_panels
from benchbed.plotting.lines import draw_lines
from benchbed.plotting.style import GREY, line_styles, theme, wrap_label
from benchbed.reports.captions import under_best_of_k
from benchbed.reports.ranking import limit_optimizers

_HEIGHT = 4.0  # inches


def pieces(results: Results) -> list[str]:
    """Return the problems on which a search space was searched."""
    searched = set(results.best_of_k["problem"])
    return [problem for problem in results.problems if problem in searched]


def draw(results: Results, problem: str) -> dict[str, bytes]:
    """Draw `plots/best-of-k-<problem>.png` and `.svg`."""
    results, note = limit_optimizers(results)
    name = f"best-of-k-{slugs(results.problems)[problem]}"
    expected = results.best_of_k[results.best_of_k["problem"] == problem]
    searched = set(expected["optimizer"])
    styles = {key: style for key, style in line_styles(results.optimizers).items() if key in searched}
    labels = {optimizer: wrap_label(optimizer) for optimizer in styles}
    settings = int(expected["k"].max())
    with theme(name):
        figure, (axes,) = stacked_panels([[*labels.values(), ""]], _HEIGHT)
        axes.set_title(wrap_label(f"{problem}: the best of k settings", 80))
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xticks([2**power for power in range(settings.bit_length())])
        axes.set_xlabel("k (settings tried, drawn from the optimizer's search space)")
        axes.set_ylabel("expected score (0 to 1, higher is better)")
        lines = expected.assign(label=expected["optimizer"].map(labels))
        draw_lines(axes, lines, "k", "score", {labels[key]: style for key, style in styles.items()})
        ring: dict[str, Any] = {"marker": "o", "mfc": "none", "mew": 1.8, "linestyle": ""}
        summary = results.summary
        scores = summary[(summary["problem"] == problem) & (summary["track"] == "searched")]
        for optimizer, score in zip(scores["optimizer"], scores["score"].astype(float), strict=True):
            k = expected["k"][expected["optimizer"] == optimizer].max()
            color = styles[optimizer].color
            axes.plot([k], [score], **ring, mec=color, markersize=10, zorder=5, clip_on=False)
        axes.plot([], [], **ring, mec=GREY, markersize=9, label="chosen setting, on evaluation seeds")
        axes.set_ylim(bottom=0)
        add_legend(axes)
        return save_figure(figure, name, under_best_of_k(results, problem, settings), note)
