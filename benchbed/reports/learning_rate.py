"""Draw how the final gap depends on the learning rate, per problem, with a rail for what was lost.

The legend says beside each optimizer how robust it is to the rate.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from benchbed.formatting import short, slugs
from benchbed.interfaces import MEASURED_STATUSES, ProblemFacts, Results
from benchbed.plotting.axes import (
    ValueScale,
    add_lost_strip,
    label_powers,
    log_scale,
    symmetric_scale,
    value_axis,
)
from benchbed.plotting.figure import Entry, add_legend, save_figure, stacked_panels
from benchbed.plotting.style import GREY, LineStyle, line_styles, theme, wrap_label
from benchbed.reports.captions import under_learning_rate
from benchbed.reports.secondary_metrics import robustness
from benchbed.reports.top_optimizers import thinned
from benchbed.tuning.scores import lower_median

_HEIGHT = 4.4
_WITHIN = (
    "within 2×: rates whose median calls to the success target are at most twice those of the best;"
    " 0 if no rate reaches it"
)
_DIVERGE = "diverge: share of the tuning trials on the grid that all optimizers share"


class Sweep(NamedTuple):
    """One optimizer over the learning rates: lower medians, +inf where half of the trials were lost."""

    rates: np.ndarray  # [rates]
    values: np.ndarray  # [rates]
    default: tuple[float, float] | None
    robustness: str
    look: LineStyle
    name: str

    @property
    def label(self) -> str:
        """What the legend says: the optimizer, and in a line of its own how robust it is."""
        return f"{self.name}\n{self.robustness}" if self.robustness else self.name


def pieces(results: Results) -> list[str]:
    """Name the problems on which a learning rate was tuned."""
    tuned = set(results.tuning["problem"][results.tuning["learning_rate"] > 0])
    return [problem for problem in results.problems if problem in tuned]


def draw(results: Results, piece: str) -> dict[str, bytes]:
    """Give `plots/learning-rate-<problem>.png` and `.svg`."""
    results, note = thinned(results)
    name = f"learning-rate-{slugs(results.problems)[piece]}"
    facts = results.problems[piece]
    sweeps = _sweeps(results, piece)
    with theme(name):
        figure, (axes,) = stacked_panels([[sweep.label for sweep in sweeps] + [""] * 2], _HEIGHT)
        axes.set_title(wrap_label(piece, 80))
        scale = _axis(axes, sweeps, facts)
        entries: list[Entry] = [
            (_draw_sweep(axes, sweep, scale, scale.lane(number, len(sweeps))), sweep.label)
            for number, sweep in enumerate(sweeps)
        ]
        add_legend(axes, entries + _remarks(axes, sweeps, facts))
        return save_figure(figure, name, under_learning_rate(results, piece), _explanation(sweeps), note)


def lower_medians(trials: pd.DataFrame, column: str) -> "pd.Series[float]":
    """Give the lower median of `column` over the seeds of each learning rate; a lost trial counts as +inf."""
    values = trials[column].astype(float).where(trials["status"].isin(MEASURED_STATUSES), math.inf)
    return values.fillna(math.inf).groupby(trials["learning_rate"]).agg(lower_median)


def _sweeps(results: Results, problem: str) -> list[Sweep]:
    column = "gap" if results.problems[problem].has_optimum else "final_objective"
    tuning = results.tuning[results.tuning["problem"] == problem]
    outcomes = results.outcomes
    defaults = outcomes[(outcomes["problem"] == problem) & (outcomes["track"] == "default")]
    styles = line_styles(results.optimizers)
    robust = _robustness(results, problem)
    found = []
    for name in results.optimizers:
        medians = lower_medians(_of(tuning, name), column)
        default = lower_medians(_of(defaults, name), column)
        point = (float(default.index[0]), float(default.iloc[0])) if len(default) else None
        if len(medians):
            rates = medians.index.to_numpy(dtype=float)
            values = medians.to_numpy(dtype=float)
            found.append(Sweep(rates, values, point, robust.get(name, ""), styles[name], wrap_label(name)))
    return found


def _robustness(results: Results, problem: str) -> dict[str, str]:
    # The same in every track: any row of an optimizer will do.
    rows = results.measures[results.measures["problem"] == problem].to_dict("records")
    return {
        str(row["optimizer"]): robustness({str(key): value for key, value in row.items()}) for row in rows
    }


def _explanation(sweeps: list[Sweep]) -> str:
    """Say what the words of the legend mean, if they are there."""
    words = ", ".join(sweep.robustness for sweep in sweeps)
    return "\n".join(text for key, text in (("within", _WITHIN), ("diverge", _DIVERGE)) if key in words)


def _of(trials: pd.DataFrame, optimizer: str) -> pd.DataFrame:
    return trials[(trials["optimizer"] == optimizer) & (trials["learning_rate"] > 0)]


def _axis(axes: Axes, sweeps: list[Sweep], facts: ProblemFacts) -> ValueScale:
    """Set both axes, leave room for the rail, and give the scale below it."""
    extra = [sweep.default[1] for sweep in sweeps if sweep.default]
    values = np.concatenate([*(sweep.values for sweep in sweeps), extra])
    scale = log_scale(values, facts) if facts.has_optimum else symmetric_scale(values)
    value_axis(axes, scale, facts)
    add_lost_strip(axes, scale)
    axes.set_xscale("log")
    label_powers(axes.xaxis)
    axes.set_xlabel("learning rate")
    axes.set_ylabel(f"final {axes.get_ylabel()}")
    return scale


def _draw_sweep(axes: Axes, sweep: Sweep, scale: ValueScale, rail: float) -> Artist:
    """Draw one line; what is +inf lies at the height `rail`."""
    look = sweep.look
    (line,) = axes.plot(
        sweep.rates,
        scale.clip(sweep.values, infinite=rail),
        color=look.color,
        linestyle=look.dashes,
        marker=look.marker,
        markersize=4.5,
        linewidth=1.3,
        clip_on=False,  # what lies on the edge is to be seen whole
    )
    if sweep.default:
        rate, value = sweep.default
        place = scale.clip(np.array([value]), infinite=rail)
        axes.plot([rate], place, "o", mfc="none", mec=look.color, mew=1.8, markersize=11, zorder=5)
    return line


def _remarks(axes: Axes, sweeps: list[Sweep], facts: ProblemFacts) -> list[Entry]:
    entries: list[Entry] = []
    if any(sweep.default for sweep in sweeps):
        ring = Line2D([], [], marker="o", mfc="none", mec=GREY, mew=1.8, markersize=9, linestyle="")
        entries.append((ring, "default rate (evaluation seeds)"))
    if facts.has_optimum:
        target = axes.axhline(facts.success_target, color=GREY, lw=0.9, ls=(0, (2, 2)), zorder=1)
        entries.append((target, f"success: gap ≤ {short(facts.success_target)}"))
    return entries
