"""Trials of a study that have no result, counted by their error."""

from collections.abc import Collection
from typing import NamedTuple

import pyarrow as pa

from benchbed.formatting import exception_line, on_one_line, plural
from benchbed.interfaces import TrialStatus
from benchbed.plan import Pairing, Plan
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import Outcome
from benchbed.tuning.scheduling import planned_keys

MOST_LINES = 10
"""Different errors that are printed; the others are counted."""


class Losses(NamedTuple):
    """Trials that were lost to one error."""

    status: TrialStatus
    reason: str
    """Type and message of the exception, without its traceback."""
    pairings: tuple[str, ...]
    """Labels of their problems and optimizers."""
    trials: int


def label_of(pairing: Pairing) -> str:
    """Return the label of a pairing in messages."""
    return f"{pairing.problem.label} × {pairing.entrants[0].name}"


def planned_pairings(plan: Plan, outcomes: dict[str, Outcome]) -> dict[str, str]:
    """Return the label of the pairing of each planned trial, by the key of the trial."""
    keys: dict[str, str] = {}
    for pairing in plan.pairings():
        keys |= dict.fromkeys(planned_keys(PairingState(plan, pairing, outcomes)), label_of(pairing))
    return keys


def losses_of(trials: pa.Table, lost: dict[str, str], unplanned: Collection[str] = ()) -> list[Losses]:
    """Return the losses by error, the most frequent first and then in the order of `lost`, that of the plan.

    Trials without a row are left out.

    `unplanned` are the labels of the pairings that could not be planned, whose errors name no logs.
    """
    pairings: dict[tuple[TrialStatus, str], list[str]] = {}
    reasons: dict[TrialStatus, str] = {}
    rows = trials.select(["trial_key", "status", "error"]).to_pylist()
    by_key = {row["trial_key"]: row for row in rows}
    for key, label in lost.items():
        if key in by_key:
            status = TrialStatus(by_key[key]["status"])
            reason = exception_line(by_key[key]["error"] or "")
            if status is not TrialStatus.FAILED and label not in unplanned:
                # Each names a log of its own.
                reason = reasons.setdefault(status, reason)
            pairings.setdefault((status, reason), []).append(label)
    losses = [
        Losses(status, reason, tuple(dict.fromkeys(labels)), len(labels))
        for (status, reason), labels in pairings.items()
    ]
    return sorted(losses, key=lambda of_error: -of_error.trials)


def describe_losses(losses: list[Losses]) -> list[str]:
    """Return a line for each of the most frequent errors, and one that counts the others."""
    lines = []
    for status, reason, (first, *others), trials in losses[:MOST_LINES]:
        further = f" and {plural(len(others), 'further pairing')}" if others else ""
        ending = status.value.replace("_", " ")
        lines.append(on_one_line(f"{plural(trials, 'trial')} {ending}: {first}{further}: {reason}"))
    if len(losses) > MOST_LINES:
        lines.append(f"and {plural(len(losses) - MOST_LINES, 'further error')}")
    return lines
