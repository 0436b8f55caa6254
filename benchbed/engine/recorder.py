"""Keep what checkpoints measure, for every lane that the batch began with."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchbed.checkpoints import affordable_calls
from benchbed.engine.pytrees import LaneIndex, LanePositions, Lanes

CONSECUTIVE_CHECKPOINTS = 3
"""Checkpoints in a row at which a target must be met: a single hit under noise is luck."""
PATH_DIMENSIONS = 16
"""Up to this many dimensions the path itself is kept."""
FROZEN_GAP = 1e12
"""A gap beyond this at any checkpoint ends a trial as diverged (protocol, rule 5)."""
ROOM = 64
"""Checkpoints for which memory is reserved at a time."""


class Gaps:
    """The unit of the gap in a batch: the optimum `[seeds, 1]` and Δ, or the start's objective without an optimum."""

    def __init__(self, optimum: Tensor | None, scale: float | None, device: torch.device) -> None:
        self.optimum = None if optimum is None or scale is None else optimum.to(device)
        self.scale = scale
        self._start: Tensor | None = None

    def measure(self, objective: Tensor, seeds: Tensor) -> Tensor:
        """Give (f − f*)/Δ, or (f − f₀)/max(|f₀|, 1) where f* is unknown: `[seeds, settings]`."""
        if self.optimum is not None and self.scale is not None:
            return (objective - self.optimum[seeds]) / self.scale
        if self._start is None:
            self._start = objective[:, :1]
        return (objective - self._start[seeds]) / self._start[seeds].abs().clamp(min=1)


class Recorder:
    """Curves `[seeds, settings, checkpoints]` in float64 on the device of the batch, NaN where not measured."""

    def __init__(
        self,
        place: LanePositions,
        dimension: int,
        targets: Sequence[float],
        gaps: Gaps,
        budget: int,
        price: float = 1.0,
    ) -> None:
        """`price` is what the call costs by which a lane stops at the tolerance."""
        self.shape = (len(place.seeds), len(place.settings))
        self._device, self._gaps, self._budget, self._price = place.seeds.device, gaps, budget, price
        known = tuple(targets) if gaps.optimum is not None else ()
        self._targets = torch.tensor(known, device=self._device, dtype=torch.float64)
        self.calls, self.objective, self.gradient_norm, self.gap = (self._nothing(ROOM) for _ in range(4))
        self.path = self._nothing(ROOM, dimension) if dimension <= PATH_DIMENSIONS else None
        self.filled = 0
        self._streak = torch.zeros(*self.shape, len(known), dtype=torch.int8, device=self._device)
        self._reached = torch.zeros_like(self._streak, dtype=torch.bool)
        self.answer = self._nothing(dimension)
        self.last_calls = torch.zeros(self.shape, dtype=torch.float64, device=self._device)
        self.steps = torch.zeros(self.shape, dtype=torch.int64, device=self._device)
        self.running = torch.ones(self.shape, dtype=torch.bool, device=self._device)
        self.diverged = torch.zeros_like(self.running)
        self.solved = torch.zeros_like(self.running)
        self.converged = torch.zeros_like(self.running)

    def add(
        self, lanes: Lanes, place: LanePositions, answer: Tensor, objective: Tensor, slope: Tensor | None
    ) -> Lanes:
        """Store one checkpoint: answers, objectives and gradient norms; freeze the lanes that it finishes."""
        where, at, objective = place.where, self._next(), objective.double()
        gap = self._gaps.measure(objective, place.seeds)
        self.calls[(*where, at)] = self._calls_of_iterate(lanes, where, at)
        self.objective[(*where, at)], self.gap[(*where, at)] = objective, gap
        solved = self._follow_targets(where, gap, at)
        if slope is not None:
            self.gradient_norm[(*where, at)] = slope.double()
        if self.path is not None:
            self.path[(*where, at)] = answer.double()
        blown = ~torch.isfinite(objective) | (gap > FROZEN_GAP)
        # A lane may have stopped for its gradient alone, at a point that none has measured until now.
        new = lanes.running if lanes.converged is None else lanes.running | lanes.converged
        lanes = lanes._replace(
            diverged=lanes.diverged | (new & blown), running=lanes.running & ~blown & ~solved
        )
        self._settle(lanes, where, answer, solved)
        return lanes

    def _settle(self, lanes: Lanes, where: LaneIndex, answer: Tensor, solved: Tensor) -> None:
        self.answer[where], self.last_calls[where], self.steps[where] = (
            answer.double(),
            lanes.calls,
            lanes.steps,
        )
        self.running[where], self.diverged[where], self.solved[where] = lanes.running, lanes.diverged, solved
        if lanes.converged is not None:
            self.converged[where] = lanes.converged

    def _calls_of_iterate(self, lanes: Lanes, where: LaneIndex, at: int) -> Tensor:
        # A call whose gradient stops the lane is paid but makes no iterate: it must not look like a new one.
        if at == 0:
            return lanes.calls
        calls = (
            lanes.calls if lanes.converged is None else lanes.calls - self._price * lanes.converged.double()
        )
        return torch.where(lanes.steps > self.steps[where], calls, self.calls[(*where, at - 1)])

    def _follow_targets(self, where: LaneIndex, gap: Tensor, at: int) -> Tensor:
        # The rule of `calls_to_targets`, checkpoint by checkpoint, so that a solved lane can stop: [seeds, settings].
        if not len(self._targets):
            return torch.zeros_like(gap, dtype=torch.bool)
        calls = self.calls[(*where, at)]
        counts = calls <= affordable_calls(self._budget)
        if at > 0:
            counts &= calls > self.calls[(*where, at - 1)]
        hit = (gap.unsqueeze(-1) <= self._targets) & counts.unsqueeze(-1)
        streak = torch.where(hit, self._streak[where] + 1, 0).clamp(max=CONSECUTIVE_CHECKPOINTS)
        self._streak[where] = streak.to(torch.int8)
        self._reached[where] |= streak >= CONSECUTIVE_CHECKPOINTS
        return self._reached[where].all(dim=-1)

    def _next(self) -> int:
        if self.filled == self.calls.shape[2]:
            for name in ("calls", "objective", "gradient_norm", "gap", "path"):
                kept = getattr(self, name)
                if kept is not None:  # doubling keeps the copying linear in the checkpoints
                    setattr(self, name, torch.cat([kept, torch.full_like(kept, torch.nan)], dim=2))
        self.filled += 1
        return self.filled - 1

    def _nothing(self, *rest: int) -> Tensor:
        return torch.full((*self.shape, *rest), torch.nan, dtype=torch.float64, device=self._device)


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
    width = hit.shape[-1] - CONSECUTIVE_CHECKPOINTS + 1
    if width < 1:
        return np.full((*gap.shape[:-1], len(targets)), np.inf)
    confirmed = hit[..., :width].copy()
    for later in range(1, CONSECUTIVE_CHECKPOINTS):
        confirmed &= hit[..., later : later + width]
    first = confirmed.argmax(axis=-1)
    reached = np.take_along_axis(np.broadcast_to(calls[..., None, :], hit.shape), first[..., None], axis=-1)[
        ..., 0
    ]
    return np.where(confirmed.any(axis=-1), np.maximum(reached, 1.0), np.inf)
