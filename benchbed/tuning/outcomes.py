"""Outcomes of stored trials, with their scores (protocol, rule 8)."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchbed import arrays
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
from benchbed.plan.model import OBSERVED_SEEDS

COLUMNS = (
    "trial_key", "status", "budget", "final_objective", "gap", "calls_to_target", "reads_progress", "error", "calls",
    "steps", "gradient_norm", "metric_errors", "score_error", "dtype", "score_start", "seed", "curve_objective",
)  # fmt: skip
"""Columns that `outcomes_of` reads."""
SCORE_START = 1e-4
"""Share of the budget at which the axis of the score starts, unless the problem sets another."""
_FACTOR, _NULL = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
"""An odd number without a pattern in its bits, and the bits that stand for null."""


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
    """Digest of all measurements of a trial on one of the first seeds; None without measurements."""
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
    codes, names = arrays.codes(trials["status"])
    statuses = np.array([TrialStatus(name) for name in names], dtype=object)[codes]
    has_value = np.array([name in MEASURED_STATUSES for name in names], dtype=bool)[codes]
    has_score_error = ~arrays.is_null(trials["score_error"]) & (trials["score_error"].to_numpy() != "")
    calls = arrays.lists(trials["calls_to_target"])
    scores = _scores(trials, calls, has_value)
    objective, gap = (arrays.numbers(trials[name]) for name in ("final_objective", "gap"))
    # With a score error, the objective is not a gap.
    final = np.where(arrays.is_null(trials["gap"]), objective, gap)
    is_digested = _is_observed(trials) & np.array(
        [status in FINAL_STATUSES for status in statuses], dtype=bool
    )
    digests = np.full(len(trials), None, dtype=object)
    digests[is_digested] = _digests(trials.filter(pa.array(is_digested)), statuses[is_digested]).tolist()
    notes = _notes(trials, calls, has_score_error)
    rows = zip(
        trials["trial_key"].to_pylist(),
        statuses,
        np.where(has_score_error, math.nan, scores).tolist(),
        np.where(has_value & ~has_score_error & np.isfinite(final), final, math.inf).tolist(),
        pc.fill_null(trials["reads_progress"], False).to_pylist(),
        digests,
        np.where(has_value & np.isfinite(objective), objective, math.inf).tolist(),
        strict=True,
    )
    return {
        key: Outcome(status, score, gap, reads_progress, notes.get(position, ()), digest, objective)
        for position, (key, status, score, gap, reads_progress, digest, objective) in enumerate(rows)
    }


def outcome_columns(trials: pa.Table, columns: Sequence[str] = ()) -> pa.Table:
    """Return the columns of which `outcomes_of` computes outcomes, and others; curves only where it reads them."""
    table = trials.select([*dict.fromkeys([*COLUMNS, *columns])])
    rows = np.where(_is_observed(trials), np.arange(len(trials)), -1)
    curves = table["curve_objective"].take(pa.array(rows, mask=rows < 0))  # null elsewhere
    return table.set_column(table.schema.get_field_index("curve_objective"), "curve_objective", curves)


def _is_observed(trials: pa.Table) -> np.ndarray:
    """Return whether each trial ran on one of the seeds on which trials are observed for a dependence on the seed."""
    return np.asarray(pc.fill_null(trials["seed"], 0).to_numpy() < OBSERVED_SEEDS)


def _scores(trials: pa.Table, calls: arrays.Lists, has_value: np.ndarray) -> np.ndarray:
    """Return the score of each trial, before it is withheld; trials of one budget, axis and length are scored together.

    The score is 0 where nothing was measured, and of a trial that did not stay where it was: it must not win.
    """
    scores = np.zeros(len(trials))
    is_scored = has_value & ~arrays.is_null(trials["calls_to_target"])
    values = np.where(arrays.is_null(calls.items), math.inf, arrays.numbers(calls.items))
    starts = arrays.numbers(pc.fill_null(trials["score_start"], SCORE_START))
    shapes = [arrays.numbers(trials["budget"]), starts, calls.lengths]
    positions = np.flatnonzero(is_scored)
    for group in arrays.groups([shape[positions] for shape in shapes]):
        rows = positions[group]
        budget, start, length = (shape[rows[0]] for shape in shapes)
        scores[rows] = trial_scores(values[calls.rows(rows, length)], int(budget), float(start))
    return scores


def _digests(trials: pa.Table, statuses: np.ndarray) -> np.ndarray:
    """Return a digest of the measurements of each trial: numbers are equal if and only if their bits are."""
    order = {status: number for number, status in enumerate(TrialStatus)}
    digest = np.array([order[status] for status in statuses], dtype=np.uint64)
    for name in ("calls", "steps", "final_objective", "gap", "gradient_norm"):
        digest = _mixed(digest, _bits(trials[name]))
    for name in ("calls_to_target", "curve_objective"):
        items, offsets = arrays.lists(trials[name])
        lengths = np.diff(offsets)
        positions = (np.arange(len(items)) - np.repeat(offsets[:-1], lengths)).astype(np.uint64)
        # Sums of the bits, modulo 2^64, with an odd factor for each position.
        weighted = _bits(items) * (_FACTOR * (2 * positions + 1))
        sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(weighted, dtype=np.uint64)])
        digest = _mixed(digest, sums[offsets[1:]] - sums[offsets[:-1]])
        digest = _mixed(digest, np.where(arrays.is_null(trials[name]), -1, lengths).astype(np.uint64))
    return digest


def _mixed(digest: np.ndarray, values: np.ndarray) -> np.ndarray:
    mixed = (digest ^ values) * _FACTOR
    return np.asarray(mixed ^ (mixed >> np.uint64(29)))


def _bits(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Return the bits of numbers, of which null has its own."""
    values = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
    return np.where(arrays.is_null(column), _NULL, values.view(np.uint64))


def notes_of_trials(outcomes: Iterable[Outcome]) -> list[RowNote]:
    """Return the notes of these trials once each: one of each metric, and one of the targets that are not scored."""
    notes: dict[object, RowNote] = {}
    noted = [outcome for outcome in outcomes if outcome.notes]
    for outcome in sorted(noted, key=lambda outcome: -outcome.targets_not_scored):
        for note in outcome.notes:
            match note:
                case MetricNotMeasured(metric):
                    notes.setdefault(metric, note)
                case TargetsNotScored():
                    notes.setdefault(TargetsNotScored, note)
                case _:
                    notes.setdefault(note, note)
    return list(notes.values())


def _notes(
    trials: pa.Table, calls: arrays.Lists, has_score_error: np.ndarray
) -> dict[int, tuple[RowNote, ...]]:
    """Return the notes of the trials that have any, by position."""
    is_nan = np.isnan(arrays.numbers(calls.items)) & ~arrays.is_null(calls.items)
    counts = np.diff(np.concatenate([[0], np.cumsum(is_nan)])[calls.offsets])
    errors = arrays.lists(trials["metric_errors"]).lengths
    is_skipped = pc.equal(trials["status"], TrialStatus.SKIPPED.value).to_numpy()
    noted = np.flatnonzero((counts > 0) | (errors > 0) | has_score_error | is_skipped)
    rows = trials.select(["status", "error", "score_error", "metric_errors", "dtype"]).take(pa.array(noted))
    return {
        position: tuple(_notes_of(row, counts[position]))
        for position, row in zip(noted.tolist(), rows.to_pylist(), strict=True)
    }


def _notes_of(row: Mapping[str, Any], targets_not_scored: int) -> Iterator[RowNote]:
    if row["status"] == TrialStatus.SKIPPED and row["error"]:
        yield SkippedBecause(row["error"])
    if row["score_error"]:
        yield NoScoreBecause(row["score_error"])
    elif targets_not_scored:
        yield TargetsNotScored(int(targets_not_scored), row["dtype"])
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
