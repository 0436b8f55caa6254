"""The optimizers of a figure: their trials, labels and looks, and the sentences about them that captions share."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from benchbed import Study
from benchbed.interfaces import TrialStatus
from benchbed.plotting import Color, LineStyle, line_styles
from benchbed_course.figures.canvas import LOOKS
from benchbed_course.figures.trials import DRAWN_STATUSES, Trial

FURTHER_COLORS: tuple[Color, ...] = (
    (0.70, 0.05, 0.50), (0.00, 0.15, 0.55), (0.10, 0.42, 0.12), (0.42, 0.20, 0.62), (0.00, 0.38, 0.42),
)  # fmt: skip
"""Colours of optimizers that a reader adds; each is darker than those of the course's optimizers."""
_FIXED_RATE = re.compile(r"(?<!\w)learning_rate=")


def by_optimizer(trials: Iterable[Trial]) -> dict[str, list[Trial]]:
    """Group trials by the selector of their optimizer, in their order."""
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.optimizer, []).append(trial)
    return groups


def first_named(trials: Iterable[Trial], name: str) -> list[Trial]:
    """Return the trials of the first optimizer of this name. Raises: ValueError if it has no result."""
    for group in by_optimizer(trials).values():
        if group[0].name == name:
            return group
    raise ValueError(f"{name} has no result to draw")


def others(trials: Iterable[Trial], *drawn: Trial) -> dict[str, list[Trial]]:
    """Group the trials of all optimizers but those of the `drawn` trials."""
    selectors = {trial.optimizer for trial in drawn}
    return by_optimizer(trial for trial in trials if trial.optimizer not in selectors)


def label_of(trial: Trial) -> str:
    """Return the selector of the optimizer, and the learning rate that it leaves open."""
    rate = trial.setting.get("learning_rate")
    if rate is None or _FIXED_RATE.search(trial.optimizer):
        return trial.optimizer
    return f"{trial.optimizer} (η = {rate:g})"


def looks_of(trials: Iterable[Trial]) -> dict[str, LineStyle]:
    """Return the look of each optimizer, by its selector.

    The first optimizer of one of the course's names has the look that this name has in all figures. Every other one has
    a look of its own.
    """
    free_looks, looks, further = dict(LOOKS), {}, []
    for selector, group in by_optimizer(trials).items():
        if group[0].name in free_looks:
            looks[selector] = free_looks.pop(group[0].name)
        else:
            further.append(selector)
    styles = [*line_styles([str(index) for index in range(len(LOOKS) + len(further))]).values()]
    for index, (selector, style) in enumerate(zip(further, styles[len(LOOKS) :], strict=True)):
        looks[selector] = style._replace(color=FURTHER_COLORS[index % len(FURTHER_COLORS)])
    return looks


def unit_of(trials: Iterable[Trial]) -> str:
    """Return the unit of the trials' calls: "step" if every step costs one call."""
    is_step = all(trial.calls[-1] == trial.steps for trial in trials)
    return "step" if is_step else "gradient calls"


def calls_label(trials: Iterable[Trial]) -> str:
    """Return the label of a logarithmic axis that shows the start at 1: "1 + steps" or "1 + gradient calls"."""
    unit = unit_of(trials)
    return "1 + steps" if unit == "step" else f"1 + {unit}"


def range_of(values: Iterable[float], form: str) -> str:
    """Format the lowest and the highest value, such as "7 to 3,000", or one number if both look the same."""
    numbers = list(values)
    low, high = format(min(numbers), form), format(max(numbers), form)
    return low if low == high else f"{low} to {high}"


def steps_of(trials: Iterable[Trial]) -> str:
    """Format the numbers of steps, such as "3,000 steps", or "7 to 3,000 steps" if trials ended at different ones."""
    return f"{range_of((trial.steps for trial in trials), ',')} steps"


def highest_loss(trials: Sequence[Trial]) -> float:
    """Return an upper limit for an axis of losses: thrice the largest one, which trials that diverged do not raise."""
    stable = [trial for trial in trials if trial.status != TrialStatus.DIVERGED] or trials
    return 3 * max(float(trial.loss[np.isfinite(trial.loss)].max()) for trial in stable)


def side_changes(values: np.ndarray) -> int:
    """Count the steps in which the sign of a coordinate `[steps + 1]` changes."""
    return int((values[1:] * values[:-1] < 0).sum())


def turning_sentences(gaps: Mapping[str, np.ndarray]) -> list[str]:
    """Name the optimizers that came ten times closer to the optimal loss than they ended.

    Args:
        gaps: Loss above the optimum by step, `[steps + 1]`, by the name of the optimizer.
    """
    sentences = []
    for name, values in gaps.items():
        step = int(values.argmin())
        if values[step] < 0.1 * values[-1]:
            steps = f"{step:,} step{'s' * (step != 1)}"
            sentences.append(f"On its way {name} was as close as {values[step]:.1g}, after {steps}.")
    return sentences


def optimizer_sentences(*studies: Study) -> list[str]:
    """Name the learning rates that selectors leave open, and the trials that have no result."""
    rates = [
        f"The learning rate of {entrant.label} is its default, {entrant.hyperparameters['learning_rate']:g}."
        for study in studies
        for entrant in study.plan.entrants
        if entrant.tunable
    ]
    missing = [sentence for study in studies for sentence in _missing_sentences(study)]
    return list(dict.fromkeys([*rates, *missing]))


def _missing_sentences(study: Study) -> list[str]:
    rows = {row["trial_key"]: row for row in study.trials.to_dict("records")}
    planned: Counter[str] = Counter()
    missing: Counter[tuple[str, str]] = Counter()
    reasons = [losses.reason for losses in study.losses]
    for outcome in study.results.outcomes.itertuples():
        label = f"{outcome.optimizer} on {outcome.problem}"
        planned[label] += 1
        row = rows.get(str(outcome.trial_key))
        status = "not run" if row is None else str(row["status"])
        if status not in DRAWN_STATUSES:
            missing[label, status] += 1
        if row is not None and status == TrialStatus.SKIPPED and row["error"]:
            reasons.append(str(row["error"]))
    if not missing:
        return []
    clauses = [
        f"{count} of {planned[label]} trials of {label} ({status.replace('_', ' ')})"
        for (label, status), count in missing.items()
    ]
    reason_text = f" The reasons: {'; '.join(dict.fromkeys(reasons))}." if reasons else ""
    return [f"Not drawn, because they have no result: {', '.join(clauses)}.{reason_text}"]
