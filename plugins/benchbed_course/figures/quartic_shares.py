"""The share of trials that leave the local valley of the quartic, by start and by step."""

import numpy as np
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture, TrialStatus
from benchbed.plotting import theme, wrap_label
from benchbed_course.figures.canvas import LOOKS, TRUTH, canvas, picture
from benchbed_course.figures.intervals import success_interval
from benchbed_course.figures.optimizers import label_of, optimizer_sentences
from benchbed_course.figures.quartic_escape import (
    StartTrials,
    divergence_clause,
    ends_in_global_valley,
    escapes,
    exact_shares,
    largest_deviation,
    looks_of_groups,
    noise_of,
    percent,
    shares_by_step,
    trials_by_start,
)
from benchbed_course.figures.trials import Trial
from benchbed_problems.quartic import ridge

_MARKERS = "osD^vPX"
_SPREAD = 0.02
"""Shift of one start against the next on the axis of steps, so that their intervals do not cover each other."""
_SHIFT = 0.05
"""Shift of an added optimizer against the previous one on the axis of starts."""


def draw_escape(study: Study) -> Picture:
    """Draw the share of seeds in the global valley: at the end by start, and by step for starts beyond the ridge."""
    groups, noise = trials_by_start(study), noise_of(study)
    grid, shares = exact_shares(groups[0].gd.setting["learning_rate"], noise, groups[0].gd.steps)
    with theme("quartic-escape"):
        figure, (starts, steps) = canvas(columns=2, width=10.5, height=4.2)
        starts.axvline(ridge(), color=TRUTH, linestyle=":", linewidth=0.9, label="ridge")
        starts.plot(grid, shares[-1], "--", color=TRUTH, linewidth=1.0, label="SGD, exact")
        _draw_by_start(starts, groups)
        _draw_others(starts, groups)
        starts.legend(loc="lower left")
        beyond = [group for group in groups if group.start > ridge()]
        for position, (group, marker) in enumerate(zip(beyond, _MARKERS, strict=False)):
            calls, measured = shares_by_step(group.sgd)
            low, high = np.transpose(
                [success_interval(round(share * len(group.sgd)), len(group.sgd)) for share in measured[1:]]
            )
            steps.errorbar(
                calls[1:] * (1 + _SPREAD * position), measured[1:], yerr=[measured[1:] - low, high - measured[1:]],
                fmt=marker, color=LOOKS["sgd"].color, markersize=4, markerfacecolor="none", elinewidth=0.6,
                label=f"SGD from {group.start:g}",
            )  # fmt: skip
            exact = [np.interp(group.start, grid, share) for share in shares[1:]]
            steps.plot(np.arange(1, len(shares)), exact, "--", color=TRUTH, linewidth=0.9)
        title = "By step, 95 % intervals (dashed: exact)"
        steps.set(title=title, xlabel="step", xscale="log", ylim=(-0.03, 1.03))
        steps.xaxis.set_major_formatter("{x:g}")
        steps.legend(loc="upper left")
        others = [_other_sentence(selector, groups) for selector in _other_selectors(groups)]
        return picture(
            figure, *_escape_caption(groups, noise, grid, shares), *others, *optimizer_sentences(study)
        )


def _draw_by_start(axes: Axes, groups: list[StartTrials]) -> None:
    starts, seeds = [group.start for group in groups], len(groups[0].sgd)
    shares = np.array([group.share for group in groups])
    low, high = np.transpose([group.interval for group in groups])
    axes.errorbar(
        starts, shares, yerr=[shares - low, high - shares], fmt="o", color=LOOKS["sgd"].color, capsize=3,
        label=f"SGD, {seeds} seeds, 95 % interval",
    )  # fmt: skip
    ends = [float(ends_in_global_valley(group.gd)) for group in groups]
    axes.plot(starts, ends, "s", color=LOOKS["gd"].color, markersize=8, markerfacecolor="none", label="GD")
    axes.set(
        title=f"After {groups[0].gd.steps} steps", xlabel="start θ", ylabel="share in the global valley",
        xlim=(min(starts) - 0.2, max(starts) + 0.2), ylim=(-0.03, 1.03),
    )  # fmt: skip


def _draw_others(axes: Axes, groups: list[StartTrials]) -> None:
    """Draw the shares of added optimizers, moved to the side so that no interval covers another."""
    looks = looks_of_groups(groups)
    for position, selector in enumerate(_other_selectors(groups), start=1):
        rows, look = _rows_of(selector, groups), looks[selector]
        shares, errors = [], []
        for _, trials in rows:
            count, (low, high) = escapes(trials)
            shares.append(count / len(trials))
            errors.append((shares[-1] - low, high - shares[-1]) if len(trials) > 1 else (0.0, 0.0))
        axes.errorbar(
            [start + _SHIFT * position for start, _ in rows], shares, yerr=np.transpose(errors), fmt=look.marker,
            color=look.color, markersize=4, elinewidth=0.8, label=wrap_label(label_of(rows[0][1][0])),
        )  # fmt: skip


def _other_selectors(groups: list[StartTrials]) -> list[str]:
    return list(dict.fromkeys(trials[0].optimizer for group in groups for trials in group.others))


def _rows_of(selector: str, groups: list[StartTrials]) -> list[tuple[float, list[Trial]]]:
    """Return the starts from which an added optimizer has results, with its trials."""
    return [
        (group.start, trials)
        for group in groups
        for trials in group.others
        if trials[0].optimizer == selector
    ]


def _escape_caption(
    groups: list[StartTrials], noise: float, grid: np.ndarray, shares: np.ndarray
) -> tuple[str, ...]:
    stays = sum(ends_in_global_valley(group.gd) == (group.start < ridge()) for group in groups)
    right, left = (
        [group for group in groups if (group.start > ridge()) is is_right] for is_right in (True, False)
    )
    clauses = [
        f"{percent(group.share)} from {group.start:g} ({' to '.join(map(percent, group.interval))})"
        for group in right
    ]
    left_trials = [trial for group in left for trial in group.sgd]
    returned = sum(trial.status != TrialStatus.DIVERGED and trial.theta[0] > ridge() for trial in left_trials)
    diverged = divergence_clause([trial for group in groups for trial in group.sgd])
    exact = np.interp([group.start for group in groups], grid, shares[-1])
    covered = sum(
        group.interval[0] <= share <= group.interval[1] for share, group in zip(exact, groups, strict=True)
    )
    sentences = (
        f"Gradient descent ends in the valley it starts in from {stays} of {len(groups)} starts. With gradient noise",
        f"of standard deviation {noise:g}, the share of {len(groups[0].sgd)} seeds that has left the local valley for",
        f"the global one after {groups[0].gd.steps} steps is {', '.join(clauses)}, each with its 95 % interval",
        f"(Wilson). Of the {len(left_trials)} trials that start left of the ridge, {returned} end right of it.",
        "The dashed lines are the exact probabilities, computed from the distribution of a single step; at the",
        f"end they lie in the intervals of {covered} of {len(groups)} starts{diverged}.",
    )
    if not right:
        return sentences
    errors, start, step = largest_deviation(right, grid, shares)
    return (
        *sentences,
        "All starts see the same noise, that of the same seeds, so their deviations from the exact probabilities are",
        f"not independent. The largest deviation in the right panel is {errors:.1f} standard errors, from {start:g}",
        f"after step {step}.",
    )


def _other_sentence(selector: str, groups: list[StartTrials]) -> str:
    """List the shares of an added optimizer for the starts right of the ridge, or for all if there are none."""
    rows = _rows_of(selector, groups)
    right = [row for row in rows if row[0] > ridge()] or rows
    clauses = [f"{percent(escapes(trials)[0] / len(trials))} from {start:g}" for start, trials in right]
    diverged = divergence_clause([trial for _, trials in rows for trial in trials])
    seeds = f"{len(rows[0][1])} seed{'s' * (len(rows[0][1]) > 1)}"
    return f"With {label_of(rows[0][1][0])} the share in the global valley is {', '.join(clauses)} ({seeds}){diverged}."
