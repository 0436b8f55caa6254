"""The recorder of a tile's checkpoints, and the rule by which targets count as reached (protocol, rule 4)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchbed.checkpoints import affordable_calls
from benchbed.engine.pytrees import LaneIndex, LanePositions, Lanes

CONSECUTIVE_CHECKPOINTS = 3
"""Checkpoints in a row at which a target must be met: a single hit under noise may be chance."""
PATH_DIMENSIONS = 16
"""Dimensions up to which the iterates themselves are stored."""
FROZEN_GAP = 1e12
"""A lane whose gap exceeds this at any checkpoint stops as diverged (protocol, rule 5)."""
INITIAL_CHECKPOINTS = 64
"""Checkpoints for which memory is reserved at first; it doubles when it is full."""


class Gaps:
    """The unit of the gap: the optimum `[seeds, 1]` and Δ, or the objective at the start if the optimum is unknown."""

    def __init__(self, optimum: Tensor | None, scale: float | None, device: torch.device) -> None:
        self.optimum = None if optimum is None or scale is None else optimum.to(device)
        self.scale = scale
        self._start: Tensor | None = None

    def measure(self, objective: Tensor, seeds: Tensor) -> Tensor:
        """Return (f − f*)/Δ, or (f − f₀)/max(|f₀|, 1) if f* is unknown: `[seeds, settings]`."""
        if self.optimum is not None and self.scale is not None:
            return (objective - self.optimum[seeds]) / self.scale
        if self._start is None:
            self._start = objective[:, :1]
        return (objective - self._start[seeds]) / self._start[seeds].abs().clamp(min=1)


class Recorder:
    """Curves `[seeds, settings, checkpoints]` in float64 on the batch's device, NaN where nothing was measured."""

    def __init__(
        self,
        positions: LanePositions,
        dimension: int,
        targets: Sequence[float],
        gaps: Gaps,
        budget: int,
        price: float = 1.0,
    ) -> None:
        """Reserve memory; `price` is the cost in calls of the gradient that shows that a lane has converged."""
        self.shape = (len(positions.seeds), len(positions.settings))
        self._device, self._gaps, self._budget, self._price = positions.seeds.device, gaps, budget, price
        measurable_targets = tuple(targets) if gaps.optimum is not None else ()
        self._targets = torch.tensor(measurable_targets, device=self._device, dtype=torch.float64)
        self.calls, self.objective, self.gradient_norm, self.gap = (
            self._nan(INITIAL_CHECKPOINTS) for _ in range(4)
        )
        self.path = self._nan(INITIAL_CHECKPOINTS, dimension) if dimension <= PATH_DIMENSIONS else None
        self.checkpoints = 0
        self._streak = torch.zeros(
            *self.shape, len(measurable_targets), dtype=torch.int8, device=self._device
        )
        self._reached = torch.zeros_like(self._streak, dtype=torch.bool)
        self.answer = self._nan(dimension)
        self.last_calls = torch.zeros(self.shape, dtype=torch.float64, device=self._device)
        self.steps = torch.zeros(self.shape, dtype=torch.int64, device=self._device)
        self.running = torch.ones(self.shape, dtype=torch.bool, device=self._device)
        self.diverged = torch.zeros_like(self.running)
        self.solved = torch.zeros_like(self.running)
        self.converged = torch.zeros_like(self.running)

    def add(
        self,
        lanes: Lanes,
        positions: LanePositions,
        point: Tensor,
        objective: Tensor,
        gradient_norm: Tensor | None,
    ) -> Lanes:
        """Store the measurements of one checkpoint; return the lanes, with those that it finishes stopped."""
        index, column, objective = positions.lane_index, self._next_column(), objective.double()
        gap = self._gaps.measure(objective, positions.seeds)
        self.calls[(*index, column)] = self._calls_of_iterate(lanes, index, column)
        self.objective[(*index, column)], self.gap[(*index, column)] = objective, gap
        solved = self._update_streaks(index, gap, column)
        if gradient_norm is not None:
            self.gradient_norm[(*index, column)] = gradient_norm.double()
        if self.path is not None:
            self.path[(*index, column)] = point.double()
        exploded = ~torch.isfinite(objective) | (gap > FROZEN_GAP)
        # A lane may have stopped because its gradient converged, at an iterate that is measured only now.
        measured_first = lanes.running if lanes.converged is None else lanes.running | lanes.converged
        lanes = lanes._replace(
            diverged=lanes.diverged | (measured_first & exploded),
            running=lanes.running & ~exploded & ~solved,
        )
        self.answer[index] = point.double()
        self.last_calls[index], self.steps[index] = lanes.calls, lanes.steps
        self.running[index], self.diverged[index], self.solved[index] = lanes.running, lanes.diverged, solved
        if lanes.converged is not None:
            self.converged[index] = lanes.converged
        return lanes

    def _calls_of_iterate(self, lanes: Lanes, index: LaneIndex, column: int) -> Tensor:
        # The call whose gradient stops a lane is paid but makes no iterate, so it must not look like a new one.
        if column == 0:
            return lanes.calls
        calls = (
            lanes.calls if lanes.converged is None else lanes.calls - self._price * lanes.converged.double()
        )
        return torch.where(lanes.steps > self.steps[index], calls, self.calls[(*index, column - 1)])

    def _update_streaks(self, index: LaneIndex, gap: Tensor, column: int) -> Tensor:
        """Apply the rule of `calls_to_targets` to one checkpoint; return the solved lanes, `[seeds, settings]`."""
        if not len(self._targets):
            return torch.zeros_like(gap, dtype=torch.bool)
        calls = self.calls[(*index, column)]
        counts = calls <= affordable_calls(self._budget)
        if column > 0:
            counts &= calls > self.calls[(*index, column - 1)]
        hit = (gap.unsqueeze(-1) <= self._targets) & counts.unsqueeze(-1)
        streak = torch.where(hit, self._streak[index] + 1, 0).clamp(max=CONSECUTIVE_CHECKPOINTS)
        self._streak[index] = streak.to(torch.int8)
        self._reached[index] |= streak >= CONSECUTIVE_CHECKPOINTS
        return self._reached[index].all(dim=-1)

    def _next_column(self) -> int:
        if self.checkpoints == self.calls.shape[2]:
            for name in ("calls", "objective", "gradient_norm", "gap", "path"):
                curve = getattr(self, name)
                if curve is not None:
                    setattr(self, name, torch.cat([curve, torch.full_like(curve, torch.nan)], dim=2))
        self.checkpoints += 1
        return self.checkpoints - 1

    def _nan(self, *dimensions: int) -> Tensor:
        return torch.full((*self.shape, *dimensions), torch.nan, dtype=torch.float64, device=self._device)


def calls_to_targets(calls: np.ndarray, gap: np.ndarray, targets: np.ndarray, budget: int) -> np.ndarray:
    """Compute the calls at which each target counts as reached, `[..., targets]`; +inf if it never is.

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
    for offset in range(1, CONSECUTIVE_CHECKPOINTS):
        confirmed &= hit[..., offset : offset + width]
    first = confirmed.argmax(axis=-1)
    calls_of_targets = np.broadcast_to(calls[..., None, :], hit.shape)
    reached = np.take_along_axis(calls_of_targets, first[..., None], axis=-1)[..., 0]
    return np.where(confirmed.any(axis=-1), np.maximum(reached, 1.0), np.inf)
