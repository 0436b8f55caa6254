"""Share of targets reached against calls; the area under a curve is the score (protocol, rule 8)."""

from itertools import chain

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator, NullLocator

from benchbed.analysis.aggregate import NO_MEAN_TRACK
from benchbed.formatting import count, slugs
from benchbed.interfaces import ALL_PROBLEMS, ProblemFacts, Results, TrialStatus
from benchbed.plotting.axes import CALLS_LABEL
from benchbed.plotting.figure import add_legend, save_figure, stacked_panels
from benchbed.plotting.lines import draw_lines
from benchbed.plotting.style import line_styles, theme, wrap_label
from benchbed.reports.captions import describe_scored, has_exact, optimizer_label, under_ecdf
from benchbed.reports.ranking import limit_optimizers
from benchbed.tuning.outcomes import lowest_calls

_HEIGHT = 3.4  # inches


def pieces(results: Results) -> list[str]:
    """Return the problems with scores, and `ALL_PROBLEMS` for the mean over them if there are several."""
    scored = scored_problems(results)
    return [*scored, ALL_PROBLEMS] if len(scored) > 1 else scored


def draw(results: Results, problem: str) -> dict[str, bytes]:
    """Draw `plots/ecdf-<problem>.png` and `.svg`, or `plots/ecdf-overall.*`; nothing if no optimizer has a curve."""
    results, note = limit_optimizers(results)
    is_overall = problem == ALL_PROBLEMS
    name = f"ecdf-{'overall' if is_overall else slugs(results.problems, reserved={'overall'})[problem]}"
    problems = scored_problems(results) if is_overall else [problem]
    tracks = {
        track: curves for track in results.tracks if (curves := reached_curves(results, problems, track))
    }
    if not tracks:
        return {}
    trials = results.outcomes[results.outcomes["problem"].isin(problems)]
    total = results.outcomes["problem"].nunique()
    all_scored = describe_scored(problems, total)
    score = "mean score on them" if is_overall and len(problems) < total else "score"
    labels = {optimizer: optimizer_label(optimizer, trials) for optimizer in results.optimizers}
    styles = {labels[optimizer]: style for optimizer, style in line_styles(results.optimizers).items()}
    top = max(curve["share"].max() for curves in tracks.values() for curve in curves.values())
    with theme(name):
        legends = [[labels[optimizer] for optimizer in curves] for curves in tracks.values()]
        figure, panels = stacked_panels(legends, _HEIGHT)
        for axes, legend, (track, curves) in zip(panels, legends, tracks.items(), strict=True):
            title = f"{problem or all_scored}, {track} track: the area under a curve is its {score}"
            axes.set_title(wrap_label(title, 90))
            _set_axes(axes, None if is_overall else results.problems[problem], top)
            lines = pd.concat(curves, names=["optimizer"]).reset_index("optimizer")
            draw_lines(
                axes, lines.assign(label=lines["optimizer"].map(labels)), "position", "share",
                {label: styles[label] for label in legend}, marker_distance=0.15, drawstyle="steps-post",
            )  # fmt: skip
            add_legend(axes)
        absent = {optimizer for curves in tracks.values() for optimizer in labels if optimizer not in curves}
        is_exact = has_exact(trials[trials["optimizer"].isin([*chain(*tracks.values())])])
        return save_figure(figure, name, under_ecdf(results, problems, len(absent), is_exact), note)


def targets_reached(trials: pd.DataFrame, facts: ProblemFacts) -> pd.DataFrame:
    """Compute the empirical distribution of the calls to target over all trials and targets of one row.

    Returns:
        Columns position, on the score's logarithmic axis from 0 to 1, and share, which holds from there on.
    """
    calls = np.sort(np.concatenate([np.asarray(row, dtype=float) for row in trials["calls_to_target"]]))
    lowest = first_calls(facts)
    finite = np.maximum(calls[np.isfinite(calls)], lowest)
    span = np.log(facts.budget / lowest) or 1.0
    return pd.DataFrame(
        {
            "position": [0.0, *(np.log(finite / lowest) / span), 1.0],
            "share": np.array([*range(len(finite) + 1), len(finite)]) / len(calls),
        }
    )


def mean_curve(curves: list[pd.DataFrame]) -> pd.DataFrame:
    """Compute the mean of step functions with columns position and share."""
    shares = [
        curve.drop_duplicates("position", keep="last").set_index("position")["share"] for curve in curves
    ]
    mean = pd.concat(shares, axis=1).sort_index().ffill().mean(axis=1)
    return mean.rename_axis("position").reset_index(name="share")


def scored_problems(results: Results) -> list[str]:
    """Return the problems with scores that have trials."""
    planned = set(results.outcomes["problem"])
    return [name for name, facts in results.problems.items() if facts.is_scored and name in planned]


def reached_curves(results: Results, problems: list[str], track: str) -> dict[str, pd.DataFrame]:
    """Return the curve of each optimizer; over several problems only of those with a mean score over them."""
    if len(problems) > 1 and track == NO_MEAN_TRACK:
        return {}
    outcomes = results.outcomes[results.outcomes["track"] == track]
    outcomes = outcomes[outcomes["problem"].isin(problems)]
    curves = {}
    for optimizer in results.optimizers:
        trials = outcomes[outcomes["optimizer"] == optimizer]
        of_problems = [
            targets_reached(rows, results.problems[str(problem)])
            for problem, rows in trials.groupby("problem")
        ]
        is_scored = not (has_exact(trials) or (trials["status"] == TrialStatus.SKIPPED).any())
        if len(of_problems) == len(problems) and (len(problems) == 1 or is_scored):
            curves[optimizer] = mean_curve(of_problems)
    return curves


def _set_axes(axes: Axes, facts: ProblemFacts | None, top: float) -> None:
    axes.set_xlim(0, 1)
    height = min(max(top * 1.1, 0.1), 1.02)
    axes.set_ylim(-0.015 * height, height)  # a curve along 0 would be on the frame
    axes.set_ylabel("share of targets reached")
    axes.xaxis.set_minor_locator(NullLocator())
    if top > 0.5:
        axes.yaxis.set_major_locator(MultipleLocator(0.2))
    if facts is None:
        axes.set_xlabel("ln(calls) / ln(budget): 0 is the first call, 1 is the whole budget")
        return
    lowest = first_calls(facts)
    decades = [10.0**power for power in range(12) if lowest <= 10.0**power <= facts.budget]
    ticks = [*decades, *([] if facts.budget in decades else [float(facts.budget)])]
    span = np.log(facts.budget / lowest) or 1.0
    axes.set_xlabel(CALLS_LABEL)
    axes.set_xticks([float(np.log(tick / lowest) / span) for tick in ticks], [count(tick) for tick in ticks])


def first_calls(facts: ProblemFacts) -> float:
    """Return the calls at which the logarithmic axis of the score of a problem starts."""
    return lowest_calls(facts.budget, facts.score_start)
