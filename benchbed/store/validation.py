"""Check of stored trials against a plan: which rows are trials of it, and whether these can be evaluated."""

import json
import math
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchbed import arrays
from benchbed.interfaces import MEASURED_STATUSES, Engine, TrialStatus
from benchbed.plan import Plan, ProblemPlan

_PROBLEM = ("problem", "problem_parameters", "problem_source", "budget", "dtype")
_OPTIONS = ("gradient", "gradient_source", "device")
_SETTING = ("optimizer", "optimizer_source", "hyperparameters", "role")
_CURVES = ("curve_calls", "curve_objective", "curve_gradient_norm")


class ContradictionError(ValueError):
    """A row is that of a planned trial, and contains a value that the runner cannot have stored."""


def rows_of_plan(trials: pa.Table, plan: Plan) -> np.ndarray:
    """Return `[rows]`, whether the key of each row is that of its problem, optimizer, setting and seed in the plan.

    Raises: ContradictionError with the first column of such a row that contradicts the plan or another column.
    """
    options = (plan.gradient, plan.gradient_source or None, plan.device.partition(":")[0])
    problems = {
        (problem.name, json.dumps(problem.parameters), problem.source, problem.budget, problem.dtype): problem
        for problem in plan.problems
    }
    names = [*_PROBLEM, *_OPTIONS, *_SETTING]
    keys, seeds = (np.array(trials[name].to_pylist(), dtype=object) for name in ("trial_key", "seed"))
    is_planned = np.zeros(len(trials), dtype=bool)
    rows_of_problem: dict[str, list[np.ndarray]] = defaultdict(list)
    for rows in arrays.groups([arrays.codes(trials[name]).codes for name in names]):
        values = {name: trials[name][int(rows[0])].as_py() for name in names}
        problem = problems.get(tuple(values[name] for name in _PROBLEM))
        device = (values["device"] or "").partition(":")[0]
        if problem is None or (values["gradient"], values["gradient_source"], device) != options:
            continue
        try:
            setting = json.loads(values["hyperparameters"])
            optimizer = values["optimizer"], values["optimizer_source"]
            expected = plan.keys_of(problem, optimizer, setting, values["role"], seeds[rows].tolist())
        except (ValueError, TypeError, RecursionError):
            continue  # no plan contains such a setting
        if isinstance(setting, dict):
            is_planned[rows] = keys[rows] == np.array(expected, dtype=object)
            rows_of_problem[problem.label].append(rows[is_planned[rows]])
    for problem in plan.problems:
        positions = np.concatenate([np.array([], dtype=int), *rows_of_problem[problem.label]])
        if len(positions):
            of_problem = (
                trials if len(positions) == len(trials) else trials.take(pa.array(np.sort(positions)))
            )
            for column in _contradictions(of_problem, problem):
                raise ContradictionError(f"its column {column} contradicts the plan or other columns")
    return is_planned


def _contradictions(trials: pa.Table, problem: ProblemPlan) -> Iterator[str]:
    """Yield each column of trials of one problem with a value that the runner cannot have stored."""
    is_measured = np.isin(trials["status"].to_pylist(), [status.value for status in MEASURED_STATUSES])
    for name in ("calls", "steps"):
        if not _is_count(arrays.numbers(trials[name])).all():
            yield name
    for name in ("wall_seconds", "state_bytes", "peak_bytes"):
        if not (arrays.is_null(trials[name]) | _is_count(arrays.numbers(trials[name]))).all():
            yield name
    for name in ("engine", "engine_requested"):
        if not set(trials[name].unique().to_pylist()) <= {None, "", *Engine}:
            yield name
    for name in ("metrics", "metric_errors"):
        if arrays.lists(trials[name]).items.null_count:
            yield name
    curves = arrays.lists(trials["curve_metrics"])
    lengths = np.repeat(_lengths(trials["curve_calls"]), curves.lengths)
    if curves.items.null_count or not (_lengths(curves.items) == lengths).all():
        yield "curve_metrics"
    yield from _contradictions_of_curves(trials, is_measured)
    yield from _contradictions_of_targets(trials, problem, is_measured)
    yield from _contradictions_of_points(trials, problem)


def _contradictions_of_curves(trials: pa.Table, is_measured: np.ndarray) -> Iterator[str]:
    lengths = _lengths(trials["curve_calls"])
    has_curve = lengths > 0
    flat = {name: pc.list_flatten(trials[name]) for name in _CURVES}
    yield from (name for name, values in flat.items() if values.null_count)
    calls, objective = (arrays.numbers(flat[name]) for name in _CURVES[:2])
    first, last = (np.cumsum(lengths) - lengths)[has_curve], np.cumsum(lengths)[has_curve] - 1
    is_first = np.zeros(len(calls), dtype=bool)
    is_first[first] = True
    is_increasing = np.diff(calls, prepend=-1.0) > 0
    if not (_is_count(calls) & (is_first | is_increasing)).all() or not has_curve[is_measured].all():
        yield "curve_calls"
    trials = trials.filter(pa.array(has_curve))
    initial, final, best, optimum, scale, gap = (
        arrays.numbers(trials[name])
        for name in ("initial_objective", "final_objective", "best_objective", "optimum", "scale", "gap")
    )
    if not _are_equal(initial, objective[first]):
        yield "initial_objective"
    if not _are_equal(final, objective[last]):
        yield "final_objective"
    smallest = (
        np.minimum.reduceat(np.where(np.isnan(objective), np.inf, objective), first) if len(first) else best
    )
    if not _are_equal(best, smallest):
        yield "best_objective"
    if not (arrays.is_null(trials["scale"]) | (scale > 0)).all():
        yield "scale"
    with np.errstate(all="ignore"):
        if not _are_equal(gap, (final - optimum) / scale):
            yield "gap"


def _contradictions_of_targets(
    trials: pa.Table, problem: ProblemPlan, is_measured: np.ndarray
) -> Iterator[str]:
    calls, targets = arrays.lists(trials["calls_to_target"]), len(problem.targets)
    has_score = problem.is_scored & is_measured & arrays.is_null(trials["score_error"])
    has_calls = calls.lengths == targets
    is_solved = np.array(trials["status"].to_pylist()) == TrialStatus.SOLVED.value
    items = calls.rows(has_calls, targets)  # [trials with calls, targets]
    is_missed = arrays.is_null(calls.items)[items]
    values = np.where(is_missed, math.inf, arrays.numbers(calls.items)[items])
    is_not_scored, is_reached = np.isnan(values), ~is_missed & ~np.isnan(values)
    is_unsolved = has_score[has_calls] & is_solved[has_calls] & ~is_reached.any(axis=1)
    if (
        not (has_calls | (calls.lengths == 0)).all()
        or (has_score & ~has_calls).any()
        or (np.diff(is_not_scored.astype(int), axis=1) < 0).any()  # only the hardest targets may be left out
        or not ((values >= 0) & (values < math.inf))[is_reached].all()
        or (targets and is_unsolved.any())
    ):
        yield "calls_to_target"


def _contradictions_of_points(trials: pa.Table, problem: ProblemPlan) -> Iterator[str]:
    final_theta, paths = trials["final_theta"], trials["curve_theta"]
    if not (arrays.is_null(final_theta) | (_lengths(final_theta) == problem.dimension)).all():
        yield "final_theta"
    points = pc.list_flatten(paths)
    is_aligned = arrays.is_null(paths) | (_lengths(paths) == _lengths(trials["curve_calls"]))
    if not is_aligned.all() or not (_lengths(points) == problem.dimension).all():
        yield "curve_theta"


def _lengths(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Return the lengths of lists, 0 where they are null."""
    return np.asarray(pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False), dtype=int)


def _is_count(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(values) & (values >= 0))


def _are_equal(values: np.ndarray, others: np.ndarray) -> bool:
    return bool(((values == others) | (np.isnan(values) & np.isnan(others))).all())
