"""Compare stored trials with those that came out again: to the bit, or within a tolerance over the first steps."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchbed.store.schema import ADDED_IN
from benchbed.verify.sampling import Row

CIRCUMSTANCES = frozenset(
    {"wall_seconds", "engine_requested", "engine_reason", "fallback_reason", "jobs", "attempt", "threads"}
)
"""Columns that may differ when the same batch runs again."""
FIRST_STEPS = 100
"""Elsewhere only these steps are compared: chaotic lanes amplify the last bit."""
TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
"""Elsewhere a curve may differ by this share of its value, or of its start where that is larger."""
CURVES = ("curve_calls", "curve_objective", "curve_gradient_norm")


class Difference(NamedTuple):
    """Where two rows differ first in a column."""

    column: str
    place: str
    """Which of several values it is; empty where there is but one."""
    stored: Any
    again: Any


Comparison = Callable[[Row, Row], list[Difference]]


def to_the_bit(stored: Row, again: Row) -> list[Difference]:
    """List the columns that are not equal to the bit, but for the circumstances of a run."""
    return [
        _first(name, value, again[name])
        for name, value in stored.items()
        if name not in CIRCUMSTANCES and not _equal(value, again[name]) and not _is_newer(name, value)
    ]


def over_the_first_steps(stored: Row, again: Row) -> list[Difference]:
    """List the curves that leave the tolerance of their dtype within the first 100 steps."""
    calls = FIRST_STEPS * stored["calls"] / max(stored["steps"], 1) * (1 + 1e-9)
    ours, theirs = _curves(again, calls), _curves(stored, calls)
    if not np.array_equal(ours[0], theirs[0]):
        return [_first("curve_calls", theirs[0].tolist(), ours[0].tolist())]
    differences = []
    for name, our, their in zip(CURVES[1:], ours[1:], theirs[1:], strict=True):
        apart = np.flatnonzero(~_close(our, their, TOLERANCE[stored["dtype"]]))
        if len(apart):
            at = apart[0]
            differences.append(
                Difference(name, f" at {ours[0][at]:g} calls", float(their[at]), float(our[at]))
            )
    return differences


def describe(differences: list[list[Difference]]) -> str | None:
    """Say in one line where the trials of a batch differ, given what differs in each; None if nothing does."""
    apart = [found for found in differences if found]
    if not apart:
        return None
    columns = list(dict.fromkeys(difference.column for found in apart for difference in found))
    first = apart[0][0]
    return (
        f"differs in {', '.join(columns)} ({len(apart)} of {len(differences)} trials): "
        f"{first.column}{first.place} is stored as {first.stored!r} and came out as {first.again!r}"
    )


def _is_newer(name: str, stored: Any) -> bool:
    return name in ADDED_IN and stored is None  # a study of an earlier schema does not say


def _equal(one: Any, other: Any) -> bool:
    # As text, floats are equal if and only if their bits are; NaN is equal to itself, and 0 is not -0.
    return json.dumps(one) == json.dumps(other)


def _first(column: str, stored: Any, again: Any, place: str = "") -> Difference:
    if not (isinstance(stored, list | tuple) and isinstance(again, list | tuple)):
        return Difference(column, place, stored, again)
    if len(stored) != len(again):
        return Difference(column, f"{place}'s length", len(stored), len(again))
    at = next(at for at in range(len(stored)) if not _equal(stored[at], again[at]))
    return _first(column, stored[at], again[at], f"{place}[{at}]")


def _curves(row: Row, calls: float) -> list[np.ndarray]:
    curves = [np.array(row[name] or [], dtype=float) for name in CURVES]
    return [curve[curves[0] <= calls] for curve in curves]


def _close(our: np.ndarray, their: np.ndarray, tolerance: float) -> np.ndarray:
    same = (our == their) | (np.isnan(our) & np.isnan(their))
    start = np.abs(their[:1])
    with np.errstate(invalid="ignore", over="ignore"):
        allowed = tolerance * np.maximum(np.maximum(np.abs(our), np.abs(their)), start)
        near = np.abs(our - their) <= allowed
    close: np.ndarray = same | (near & np.isfinite(our) & np.isfinite(their))
    return close
