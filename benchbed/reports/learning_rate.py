"""Draw how the final gap depends on the learning rate, per problem, with a rail for what was lost."""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from benchbed.analysis.results import ProblemFacts, Results
from benchbed.reports.axes import Scale, log_scale, symmetric_scale, value_axis
from benchbed.reports.figure import Entry, add_legend, save, stack
from benchbed.reports.statistics import SURVIVORS, order_statistic
from benchbed.reports.style import GREY, Look, caption, looks, theme
from benchbed.reports.text import short, slugs

_HEIGHT = 4.4
_RAIL = (1.03, 1.25)  # where the rail begins and ends, in heights of the axis below it


class Sweep(NamedTuple):
    """One optimizer over the learning rates: lower medians, +inf where half of the trials were lost."""

    rates: np.ndarray  # [rates]
    values: np.ndarray  # [rates]
    default: tuple[float, float] | None
    look: Look
    label: str


class Frame(NamedTuple):
    """The axis below the rail, and the height in the rail of each line that needs one."""

    scale: Scale
    rail: float

    def place(self, values: np.ndarray) -> np.ndarray:
        """Give where values are drawn: the infinite ones on the rail, no other above the axis below it."""
        return np.where(np.isfinite(values), np.minimum(self.scale.clip(values), self.scale.top), self.rail)


def pieces(results: Results) -> list[str]:
    """Name the problems on which a learning rate was tuned."""
    tuned = set(results.tuning["problem"][results.tuning["learning_rate"] > 0])
    return [problem for problem in results.problems if problem in tuned]


def draw(results: Results, piece: str) -> dict[str, bytes]:
    """Give `plots/learning-rate-<problem>.png` and `.svg`."""
    name = f"learning-rate-{slugs(results.problems)[piece]}"
    facts = results.problems[piece]
    sweeps = _sweeps(results, piece)
    with theme(name):
        figure, (axes,) = stack([[sweep.label for sweep in sweeps] + [""] * 2], _HEIGHT)
        axes.set_title(caption(piece, 80))
        scale = _axis(axes, sweeps, facts)
        entries = _draw_sweeps(axes, sweeps, scale)
        add_legend(axes, entries + _remarks(axes, sweeps, facts))
        return save(figure, name)


def lower_medians(trials: pd.DataFrame, column: str) -> "pd.Series[float]":
    """Give the lower median of `column` over the seeds of each learning rate; a lost trial counts as +inf."""
    survived = trials["status"].isin(SURVIVORS) & np.isfinite(trials[column].astype(float))
    values = trials[column].astype(float).where(survived, math.inf)
    return values.groupby(trials["learning_rate"]).agg(
        lambda group: float(order_statistic(group.to_numpy(), 0.5))
    )


def _sweeps(results: Results, problem: str) -> list[Sweep]:
    column = "gap" if results.problems[problem].has_optimum else "final_objective"
    tuning = results.tuning[results.tuning["problem"] == problem]
    outcomes = results.outcomes
    defaults = outcomes[(outcomes["problem"] == problem) & (outcomes["track"] == "default")]
    styles = looks(results.optimizers)
    found = []
    for name in results.optimizers:
        medians = lower_medians(_of(tuning, name), column)
        default = lower_medians(_of(defaults, name), column)
        point = next(((float(rate), float(value)) for rate, value in default.items()), None)
        if len(medians):
            rates = medians.index.to_numpy(dtype=float)
            found.append(Sweep(rates, medians.to_numpy(dtype=float), point, styles[name], caption(name)))
    return found


def _of(trials: pd.DataFrame, optimizer: str) -> pd.DataFrame:
    return trials[(trials["optimizer"] == optimizer) & (trials["learning_rate"] > 0)]


def _axis(axes: Axes, sweeps: list[Sweep], facts: ProblemFacts) -> Scale:
    """Set both axes, leave room for the rail, and give the scale below it."""
    extra = [sweep.default[1] for sweep in sweeps if sweep.default]
    values = np.concatenate([*(sweep.values for sweep in sweeps), extra])
    scale = log_scale(values, facts) if facts.has_optimum else symmetric_scale(values)
    value_axis(axes, scale, facts)
    ticks = [tick for tick in axes.get_yticks() if scale.bottom <= tick <= scale.top]
    axes.set_ylim(scale.bottom, scale.at(_RAIL[1]))
    labels = axes.yaxis.get_major_formatter().format_ticks(ticks)
    axes.set_yticks([*ticks, scale.at(sum(_RAIL) / 2)], [*labels, "diverged\nor failed"])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.axhspan(scale.at(_RAIL[0] - 0.02), scale.at(_RAIL[1]), color="0.93", zorder=0.6)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel(f"final {axes.get_ylabel()}")
    return scale


def _draw_sweeps(axes: Axes, sweeps: list[Sweep], scale: Scale) -> list[Entry]:
    """Draw all lines; each has its own height in the rail, so that none hides another there."""
    entries: list[Entry] = []
    low, high = _RAIL
    for number, sweep in enumerate(sweeps):
        share = (number + 1) / (len(sweeps) + 1)
        frame = Frame(scale, scale.at(high - share * (high - low)))
        entries.append((_draw_sweep(axes, sweep, frame), sweep.label))
    return entries


def _draw_sweep(axes: Axes, sweep: Sweep, frame: Frame) -> Artist:
    look = sweep.look
    (line,) = axes.plot(
        sweep.rates,
        frame.place(sweep.values),
        color=look.color,
        linestyle=look.dashes,
        marker=look.marker,
        markersize=4.5,
        linewidth=1.3,
    )
    if sweep.default:
        rate, value = sweep.default
        place = frame.place(np.array([value]))
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
