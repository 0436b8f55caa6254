"""Say after which steps a trial is measured, and read calls-to-target off a curve (protocol, rule 4)."""

import math

import numpy as np

from benchbed.checkpoints import ROUNDING, checkpoint_calls

IN_A_ROW = 3
"""Checkpoints in a row at which a target must be met: a single hit under noise is luck."""


def checkpoint_steps(budget: int, calls_per_step: float, every_step: bool = False) -> list[int]:
    """List the steps after which to measure: the first to reach each checkpoint, and the last that is affordable."""
    last = affordable_steps(budget, calls_per_step)
    if every_step:
        return list(range(1, last + 1))
    steps = {math.ceil(calls / calls_per_step * (1 - ROUNDING)) for calls in checkpoint_calls(budget)}
    return sorted({step for step in steps if step <= last} | ({last} if last else set()))


def affordable_steps(budget: int, calls_per_step: float) -> int:
    """Count the steps that a budget buys; a step that it cannot pay in full is not begun."""
    return int(affordable_calls(budget) / calls_per_step)


def affordable_calls(budget: int) -> float:
    """Give the budget with room for rounding: 750 steps of 4/3 calls add up to a little more than 1000."""
    return budget * (1 + ROUNDING)


def calls_to_targets(calls: np.ndarray, gap: np.ndarray, targets: np.ndarray, budget: int) -> np.ndarray:
    """Give the calls at which each target counts as reached, `[..., targets]`; +inf where it never is.

    `calls` and `gap` are `[..., checkpoints]`. A checkpoint counts if its iterate is distinct (its calls exceed
    those before) and within the budget. A target is reached at the first of three counting checkpoints in a row
    with a gap at or below it; reached at the start costs 1 call.
    """
    distinct = np.diff(calls, prepend=-1.0, axis=-1) > 0
    counts = distinct & (calls <= affordable_calls(budget))
    with np.errstate(invalid="ignore"):
        hit = (gap[..., None, :] <= targets[:, None]) & counts[..., None, :]
    width = hit.shape[-1] - IN_A_ROW + 1
    if width < 1:
        return np.full((*gap.shape[:-1], len(targets)), np.inf)
    confirmed = hit[..., :width].copy()
    for later in range(1, IN_A_ROW):
        confirmed &= hit[..., later : later + width]
    first = confirmed.argmax(axis=-1)
    reached = np.take_along_axis(np.broadcast_to(calls[..., None, :], hit.shape), first[..., None], axis=-1)[
        ..., 0
    ]
    return np.where(confirmed.any(axis=-1), np.maximum(reached, 1.0), np.inf)
