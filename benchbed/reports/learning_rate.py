"""Final gap against the learning rate, per problem, with the robustness of each optimizer in the legend."""

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchbed.formatting import short, slugs
from benchbed.interfaces import MEASURED_STATUSES, Results
from benchbed.plotting.axes import ValueScale, add_lost_strip, label_powers, value_axis, value_scale
from benchbed.plotting.figure import add_legend, save_figure, stacked_panels
from benchbed.plotting.lines import draw_lines
from benchbed.plotting.style import GREY, LineStyle, line_styles, theme, wrap_label
from benchbed.reports.captions import under_learning_rate
from benchbed.reports.tables.secondary import describe_robustness
from benchbed.reports.top_optimizers import limit_optimizers
from benchbed.tuning.outcomes import lower_median

_HEIGHT = 4.4  # inches


class RateSweep(NamedTuple):
    """Lower medians of one optimizer over the learning rates, +inf where more than half of the trials were lost."""

    rates: np.ndarray  # [rates]
    values: np.ndarray  # [rates]
    default: tuple[float, float] | None
    """Default rate and its value on the evaluation seeds."""
    robustness: str
    style: LineStyle
    name: str

    @property
    def label(self) -> str:
        """Name of the optimizer and, on a second line, its robustness."""
        return f"{self.name}\n{self.robustness}" if self.robustness else self.name


def pieces(results: Results) -> list[str]:
    """Return the problems on which a learning rate was tuned."""
    tuned = set(results.tuning["problem"][results.tuning["learning_rate"] > 0])
    return [problem for problem in results.problems if problem in tuned]


def draw(results: Results, problem: str) -> dict[str, bytes]:
    """Draw `plots/learning-rate-<problem>.png` and `.svg`."""
    results, note = limit_optimizers(results)
    name = f"learning-rate-{slugs(results.problems)[problem]}"
    facts, sweeps = results.problems[problem], _sweeps(results, problem)
    with theme(name):
        figure, (axes,) = stacked_panels([[sweep.label for sweep in sweeps] + [""] * 2], _HEIGHT)
        axes.set_title(wrap_label(problem, 80))
        values = np.concatenate(
            [*(sweep.values for sweep in sweeps), [sweep.default[1] for sweep in sweeps if sweep.default]]
        )
        scale, has_losses = value_scale(values, facts), not np.isfinite(values).all()
        value_axis(axes, scale, facts)
        if has_losses:
            add_lost_strip(axes, scale)
        axes.set_xscale("log")
        label_powers(axes.xaxis)
        axes.set_xlabel("learning rate")
        axes.set_ylabel(f"final {axes.get_ylabel()}")
        _draw_sweeps(axes, sweeps, scale)
        if facts.has_optimum and facts.success_target > scale.bottom:
            label = f"success: gap ≤ {short(facts.success_target)}"
            axes.axhline(facts.success_target, color=GREY, lw=0.9, ls=(0, (2, 2)), zorder=1, label=label)
        add_legend(axes)
        measures = results.measures[results.measures["problem"] == problem]
        caption = under_learning_rate(results, problem, measures, has_losses)
        return save_figure(figure, name, caption, note)


def lower_medians(trials: pd.DataFrame, column: str) -> "pd.Series[float]":
    """Compute the lower median of `column` over the seeds of each learning rate; a lost trial counts as +inf."""
    values = trials[column].astype(float).where(trials["status"].isin(MEASURED_STATUSES), math.inf)
    return values.fillna(math.inf).groupby(trials["learning_rate"]).agg(lower_median)


def _sweeps(results: Results, problem: str) -> list[RateSweep]:
    column = "gap" if results.problems[problem].has_optimum else "final_objective"
    tuning, outcomes = (
        frame[(frame["problem"] == problem) & (frame["learning_rate"] > 0)]
        for frame in (results.tuning, results.outcomes)
    )
    defaults = outcomes[outcomes["track"] == "default"]
    measures = results.measures[results.measures["problem"] == problem]
    # The robustness is the same in every track.
    robustness = {row["optimizer"]: describe_robustness(row) for row in measures.to_dict("records")}
    styles = line_styles(results.optimizers)
    sweeps = []
    for name in results.optimizers:
        medians = lower_medians(tuning[tuning["optimizer"] == name], column)
        default = lower_medians(defaults[defaults["optimizer"] == name], column)
        if len(medians):
            sweeps.append(
                RateSweep(
                    medians.index.to_numpy(dtype=float),
                    medians.to_numpy(dtype=float),
                    (float(default.index[0]), float(default.iloc[0])) if len(default) else None,
                    robustness.get(name, ""),
                    styles[name],
                    wrap_label(name),
                )
            )
    return sweeps


def _draw_sweeps(axes: Axes, sweeps: list[RateSweep], scale: ValueScale) -> None:
    """Draw a line for each optimizer, infinite values in the strip, and a ring at the default rate."""
    heights = [scale.lane(index, len(sweeps)) for index in range(len(sweeps))]
    data = [
        pd.DataFrame(
            {"rate": sweep.rates, "value": scale.clip(sweep.values, infinite=height), "label": sweep.label}
        )
        for sweep, height in zip(sweeps, heights, strict=True)
    ]
    styles = {sweep.label: sweep.style for sweep in sweeps}
    draw_lines(axes, pd.concat(data), "rate", "value", styles, clip_on=False)
    ring: dict[str, Any] = {"marker": "o", "mfc": "none", "mew": 1.8, "linestyle": ""}
    for sweep, height in zip(sweeps, heights, strict=True):
        if sweep.default:
            rate, value = sweep.default
            inside = scale.clip(np.array([value]), infinite=height)
            axes.plot([rate], inside, **ring, mec=sweep.style.color, markersize=11, zorder=5)
    if any(sweep.default for sweep in sweeps):
        axes.plot([], [], **ring, mec=GREY, markersize=9, label="default rate (evaluation seeds)")
