"""Outcomes of stored trials, with their scores (protocol, rule 8)."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from benchbed.interfaces import (
    FINAL_STATUSES,
    MEASURED_STATUSES,
    MetricNotMeasured,
    NoScoreBecause,
    RowNote,
    SkippedBecause,
    TargetsNotScored,
    TrialStatus,
)

COLUMNS = [
    "trial_key", "status", "budget", "final_objective", "gap", "calls_to_target", "reads_progress", "error", "calls",
    "steps", "gradient_norm", "metric_errors", "score_error", "dtype", "score_start",
]  # fmt: skip
MEASUREMENTS = ("status", "calls", "steps", "final_objective", "gap", "gradient_norm", "calls_to_target")
SCORE_START = 1e-4
"""Share of the budget at which the axis of the score starts, unless the problem sets another."""


class Outcome(NamedTuple):
    """The result of a trial."""

    status: TrialStatus
    score: float
    """NaN without a known optimum."""
    gap: float
    """Final gap, or final objective without a known optimum; +inf unless the final point is a result."""
    reads_progress: bool = False
    """Whether the update read the share of the budget that is spent."""
    notes: tuple[RowNote, ...] = ()
    """Reasons why the trial was skipped, or lacks its score or a metric."""
    digest: int | None = None
    """Digest of all measurements; None without measurements."""
    objective: float = math.inf
    """Final objective; +inf unless the final point is a result."""

    @property
    def withheld(self) -> NoScoreBecause | None:
        """The reason why the problem's optimum or scale does not hold in this trial; None if it does."""
        return next((note for note in self.notes if isinstance(note, NoScoreBecause)), None)

    @property
    def targets_not_scored(self) -> int:
        """The number of targets that are not scored in this trial, the hardest ones."""
        return max((note.targets for note in self.notes if isinstance(note, TargetsNotScored)), default=0)

    def without_score(self) -> "Outcome":
        """Return the outcome as that of a problem without a known optimum."""
        return self._replace(score=math.nan, gap=self.objective)


def outcomes_of(trials: pa.Table) -> dict[str, Outcome]:
    """Return the outcome of every trial by its key."""
    rows = trials.select(COLUMNS).to_pylist()
    # Trials of one budget and axis and as many targets are scored together.
    groups: dict[tuple[int, float, int], list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        # The score is 0 where nothing was measured, and of a trial that did not stay where it was: it must not win.
        if row["calls_to_target"] is not None and row["status"] in MEASURED_STATUSES:
            start = SCORE_START if row["score_start"] is None else row["score_start"]
            groups[row["budget"], start, len(row["calls_to_target"])].append(position)
    scores = np.zeros(len(rows))
    for (budget, start, _), positions in groups.items():
        calls = [
            [math.inf if value is None else value for value in rows[position]["calls_to_target"]]
            for position in positions
        ]
        scores[positions] = trial_scores(np.array(calls), budget, start)
    outcomes = {}
    curves = _digests_of_lists(trials["curve_objective"])
    for row, score, curve in zip(rows, scores.tolist(), curves, strict=True):
        status = TrialStatus(row["status"])
        final = row["gap"] if row["gap"] is not None else row["final_objective"]
        if row["score_error"]:
            final = None  # the objective is not a gap
        if status not in MEASURED_STATUSES:
            final = None
        outcomes[row["trial_key"]] = Outcome(
            status,
            math.nan if row["score_error"] else score,
            gap=_finite_or_infinite(final),
            reads_progress=bool(row["reads_progress"]),
            notes=tuple(_notes_of(row)),
            # As text, floats are equal if and only if their bits are.
            digest=hash((curve, repr([row[name] for name in MEASUREMENTS])))
            if status in FINAL_STATUSES
            else None,
            objective=_finite_or_infinite(row["final_objective"] if status in MEASURED_STATUSES else None),
        )
    return outcomes


def _finite_or_infinite(value: float | None) -> float:
    return float(value) if value is not None and math.isfinite(value) else math.inf


def _digests_of_lists(column: pa.ChunkedArray) -> list[int]:
    """Return a digest of each list of numbers, by a few operations on the whole column."""
    lists = column.combine_chunks()
    offsets, numbers = lists.offsets.to_numpy(), lists.values.to_numpy(zero_copy_only=False)
    lengths = np.diff(offsets)
    positions = np.arange(len(numbers)) - np.repeat(offsets[:-1], lengths)
    # Sums of the bits, modulo 2^64, with an odd factor for each position.
    weighted = numbers.view(np.uint64) * (0x9E3779B97F4A7C15 * (2 * positions.astype(np.uint64) + 1))
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(weighted, dtype=np.uint64)])
    return [int(digest) for digest in sums[offsets[1:]] - sums[offsets[:-1]]]


def notes_of_trials(outcomes: Iterable[Outcome]) -> list[RowNote]:
    """Return the notes of these trials once each: one of each metric, and one of the targets that are not scored."""
    notes: dict[object, RowNote] = {}
    for outcome in sorted(outcomes, key=lambda outcome: -outcome.targets_not_scored):
        for note in outcome.notes:
            match note:
                case MetricNotMeasured(metric):
                    notes.setdefault(metric, note)
                case TargetsNotScored():
                    notes.setdefault(TargetsNotScored, note)
                case _:
                    notes.setdefault(note, note)
    return list(notes.values())


def _notes_of(row: Mapping[str, Any]) -> Iterator[RowNote]:
    if row["status"] == TrialStatus.SKIPPED and row["error"]:
        yield SkippedBecause(row["error"])
    if row["score_error"]:
        yield NoScoreBecause(row["score_error"])
    elif count := sum(value is not None and math.isnan(value) for value in row["calls_to_target"] or ()):
        yield TargetsNotScored(count, row["dtype"])
    for metric, reason in row["metric_errors"] or ():
        yield MetricNotMeasured(metric, reason)


def lowest_calls(budget: float, start: float = SCORE_START) -> float:
    """Return the number of calls at which the axis of the score starts."""
    return max(1.0, budget * start)


def trial_scores(calls_to_target: np.ndarray, budget: int, start: float = SCORE_START) -> np.ndarray:
    """Compute the score in [0, 1] of each trial from `calls_to_target: [..., targets]`, +inf where not reached.

    The mean over targets, without those that are NaN, of max(0, 1 − ln(T/L)/ln(budget/L)), L = max(1, budget · start)
    and T at least L: the area under the empirical distribution of calls on a logarithmic axis from L to the budget.
    NaN without targets.
    """
    is_scored = ~np.isnan(calls_to_target)
    count = np.maximum(is_scored.sum(axis=-1), 1)
    lowest = lowest_calls(budget, start)
    if budget <= lowest:  # the budget is a single call
        areas = (calls_to_target <= budget).astype(float)
    else:
        spent = np.log(np.maximum(calls_to_target, lowest) / lowest) / math.log(budget / lowest)
        areas = np.maximum(0.0, 1.0 - spent)
    means = np.where(is_scored, areas, 0.0).sum(axis=-1) / count
    return np.asarray(np.where(is_scored.any(axis=-1), means, math.nan))


def lower_median(values: np.ndarray) -> float:
    """Return the ⌈n/2⌉-th smallest of `values: [n]`, NaN if n = 0: finite exactly if half of them are finite."""
    if not len(values):
        return math.nan
    return float(np.sort(values)[(len(values) - 1) // 2])
