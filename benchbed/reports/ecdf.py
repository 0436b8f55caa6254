"""Draw the share of targets reached against calls: the curve whose area is the score (protocol, rule 8)."""

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from benchbed.formatting import slugs
from benchbed.interfaces import ALL_PROBLEMS, ProblemFacts, Results, TrialStatus
from benchbed.plotting.axes import CALLS_LABEL
from benchbed.plotting.figure import add_legend, save_figure, stacked_panels
from benchbed.plotting.style import LineStyle, line_styles, theme, wrap_label
from benchbed.reports.captions import under_ecdf
from benchbed.reports.ranking import EXACT_MARK
from benchbed.reports.top_optimizers import thinned
from benchbed.tuning.scores import DECADES

_HEIGHT = 3.4

Steps = tuple[np.ndarray, np.ndarray]
"""Positions of the jumps on the score's axis, in [0, 1], and the share reached from there on."""


def pieces(results: Results) -> list[str]:
    """Name the problems with a known optimum, and all of them together if there are several."""
    scored = _scored(results)
    return [*scored, ALL_PROBLEMS] if len(scored) > 1 else scored


def draw(results: Results, piece: str) -> dict[str, bytes]:
    """Give `plots/ecdf-<problem>.png` and `.svg`, or `plots/ecdf-overall.*`; nothing where nobody has a curve."""
    results, note = thinned(results)
    name = (
        "ecdf-overall"
        if piece == ALL_PROBLEMS
        else f"ecdf-{slugs(results.problems, reserved={'overall'})[piece]}"
    )
    problems = _scored(results) if piece == ALL_PROBLEMS else [piece]
    panels = {track: _curves(results, problems, track) for track in results.tracks}
    panels = {track: curves for track, curves in panels.items() if curves}
    if not panels:
        return {}
    labels = _labels(results, problems)
    with theme(name):
        figure, axes = stacked_panels(
            [[labels[entrant] for entrant in curves] for curves in panels.values()], _HEIGHT
        )
        for panel, (track, curves) in zip(axes, panels.items(), strict=True):
            panel.set_title(
                wrap_label(
                    f"{piece or 'all problems'}, {track} track: the area under a curve is its score", 90
                )
            )
            styles = line_styles(results.optimizers)
            entries = [
                (_draw_curve(panel, steps, styles[entrant]), labels[entrant])
                for entrant, steps in curves.items()
            ]
            _label(panel, None if piece == ALL_PROBLEMS else results.problems[piece])
            add_legend(panel, entries)
        absent = {entrant for curves in panels.values() for entrant in labels if entrant not in curves}
        is_marked = any(
            labels[entrant].endswith(EXACT_MARK) for curves in panels.values() for entrant in curves
        )
        return save_figure(figure, name, under_ecdf(results, problems, len(absent), is_marked), note)


def reached(trials: pd.DataFrame, facts: ProblemFacts) -> Steps:
    """Give the empirical distribution of calls to target over all trials and targets of one row."""
    calls = np.sort(np.concatenate([np.asarray(row, dtype=float) for row in trials["calls_to_target"]]))
    lowest = max(1.0, facts.budget / 10**DECADES)
    finite = np.maximum(calls[np.isfinite(calls)], lowest)
    positions = (
        np.log(finite / lowest) / np.log(facts.budget / lowest) if facts.budget > lowest else finite * 0
    )
    return positions, np.arange(1, len(finite) + 1) / len(calls)


def averaged(curves: list[Steps]) -> Steps:
    """Give the mean of step functions, with a jump wherever one of them jumps."""
    positions = np.unique(np.concatenate([steps[0] for steps in curves]))
    heights = [
        np.concatenate([[0.0], share])[np.searchsorted(jumps, positions, side="right")]
        for jumps, share in curves
    ]
    return positions, np.mean(heights, axis=0)


def _scored(results: Results) -> list[str]:
    planned = set(results.outcomes["problem"])
    return [name for name, facts in results.problems.items() if facts.has_optimum and name in planned]


def _curves(results: Results, problems: list[str], track: str) -> dict[str, Steps]:
    outcomes = results.outcomes[results.outcomes["track"] == track]
    groups = dict(iter(outcomes.groupby(["optimizer", "problem"], sort=False)))
    curves = {}
    for optimizer in results.optimizers:
        rows = [groups[optimizer, problem] for problem in problems if (optimizer, problem) in groups]
        if len(rows) == len(problems) and (len(problems) == 1 or all(map(_is_scored, rows))):
            steps = [
                reached(trials, results.problems[name]) for trials, name in zip(rows, problems, strict=True)
            ]
            curves[optimizer] = averaged(steps)
    return curves


def _is_scored(trials: pd.DataFrame) -> bool:
    """Say whether these trials on one problem may enter a mean over several, as in the overall score."""
    return not ((trials["oracle"] == "exact") | (trials["status"] == TrialStatus.SKIPPED)).any()


def _labels(results: Results, problems: list[str]) -> dict[str, str]:
    """Give the entries of the legend, with a mark on what saw the exact oracle on any of these problems."""
    shown = results.outcomes[results.outcomes["problem"].isin(problems)]
    exact = set(shown["optimizer"][shown["oracle"] == "exact"])
    return {
        name: wrap_label(f"{name} {EXACT_MARK}" if name in exact else name) for name in results.optimizers
    }


def _draw_curve(axes: Axes, steps: Steps, look: LineStyle) -> Artist:
    positions, share = (np.concatenate(parts) for parts in zip(([0.0], [0.0]), steps, strict=True))
    last = share[-1:]
    (line,) = axes.step(
        np.append(positions, 1.0), np.append(share, last), where="post", color=look.color, linestyle=look.dashes,
        marker=look.marker, markersize=4, markevery=0.15, linewidth=1.4,
    )  # fmt: skip
    return line


def _label(axes: Axes, facts: ProblemFacts | None) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("share of targets reached")
    axes.xaxis.set_minor_locator(NullLocator())
    if facts is None:
        axes.set_xlabel("share of the budget on a logarithmic axis (ln calls / ln budget)")
        return
    lowest = max(1.0, facts.budget / 10**DECADES)
    axes.set_xlabel(CALLS_LABEL)
    decades = [10.0**power for power in range(12) if lowest <= 10.0**power <= facts.budget]
    ticks = [*decades, *([] if facts.budget in decades else [float(facts.budget)])]
    span = np.log(facts.budget / lowest) or 1.0
    axes.set_xticks([float(np.log(tick / lowest) / span) for tick in ticks])
    axes.set_xticklabels([f"{tick:,.0f}".replace(",", "\N{THIN SPACE}") for tick in ticks])
