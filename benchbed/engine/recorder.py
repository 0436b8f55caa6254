"""The recorder of a tile's checkpoints, and the rule by which targets count as reached (protocol, rule 4)."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchbed.checkpoints import affordable_calls
from benchbed.engine.batch import Batch
from benchbed.engine.metrics import MetricValues
from benchbed.engine.pytrees import LaneIndex, LanePositions, Lanes, expand_settings, leaves, map_tensors
from benchbed.engine.tile import Tile

CONSECUTIVE_CHECKPOINTS = 3
"""Checkpoints in a row at which a target must be met: a single hit under noise may be chance. The last one of a trial
that stays there counts as often."""
PATH_DIMENSIONS = 16
"""Dimensions up to which the iterates themselves are stored."""
FROZEN_GAP = 1e12
"""A lane whose gap exceeds this at any checkpoint stops as diverged (protocol, rule 5)."""

Curve = list[Tensor]
"""A tensor `[seeds, settings, …]` for each checkpoint, NaN where nothing was measured."""


class Recorder:
    """The measurements of a tile, and how each lane ended: `[seeds, settings, …]` on its device, numbers in float64."""

    def __init__(self, tile: Tile) -> None:
        batch, self._device = tile.batch, tile.instances.device
        self.shape = (len(batch.seeds), batch.settings)
        self._budget, self._scale = batch.budget, batch.scale
        self._price = tile.stepper.price
        optimum = None if batch.scale is None else tile.instances.optimum()
        self._optimum = None if optimum is None else optimum.to(self._device)
        self._target_metric = batch.target_metric
        self._sign, targets, is_scored = scored_targets(batch, optimum)
        if not batch.stop_when_solved:
            targets, is_scored = targets[:0], is_scored[:, :0]
        # A trial ends at the hardest of the scored targets; without any, it does not end at a target.
        values = np.where(is_scored, targets, -np.inf)
        self._targets = torch.tensor(values, device=self._device, dtype=torch.float64)[:, None]
        self._streak = self._full(0, len(targets), dtype=torch.int64)
        self._reached = self._full(False, len(targets), dtype=torch.bool)
        has_target = is_scored.any(axis=-1, keepdims=True)
        self._reached |= torch.tensor(~is_scored & has_target, device=self._device)[:, None]

        self.calls: Curve = []
        self.objective: Curve = []
        self.gap: Curve = []
        self.gradient_norm: Curve = []
        self.metrics: dict[str, Curve] = {name: [] for name in batch.problem.curve_metrics}
        self.metric_errors: dict[str, np.ndarray] = {}
        """Reason of the first value that is missing at a finite point, by metric, `[seeds, settings]`; else None."""
        self.path: Curve = []
        self.dimension = batch.problem.layout.dimension
        self.stores_path = self.dimension <= PATH_DIMENSIONS

        self.answer = self._full(torch.nan, self.dimension)
        self.buffers = map_tensors(torch.clone, expand_settings(tile.instances.buffers, self.answer))
        """Buffers of the problem beside `answer`, `[seeds, settings, …]`."""
        self.last_gap = self._full(torch.nan)
        self.last_calls = self._full(0.0)
        self.steps = self._full(0, dtype=torch.int64)
        self.running = self._full(True, dtype=torch.bool)
        self.diverged, self.solved, self.converged = (~self.running for _ in range(3))

    def add(
        self,
        lanes: Lanes,
        positions: LanePositions,
        point: Tensor,
        objective: Tensor,
        gradient_norm: Tensor | None,
        metrics: Mapping[str, MetricValues],
    ) -> Lanes:
        """Store the measurements of one checkpoint; return the lanes, with those that it finishes stopped.

        An objective may hide a point that is not finite, so its value there counts as NaN.
        """
        index, point, objective = positions.lane_index, point.double(), objective.double()
        # A lane whose gradient is not finite stops at a finite point; theta may be lost where the answer is not.
        is_finite = torch.isfinite(point).all(dim=-1) & torch.isfinite(lanes.theta).all(dim=-1)
        objective = torch.where(is_finite, objective, torch.nan)
        gap = self._measure_gap(objective, positions.seeds)
        calls = self._calls_of_iterate(lanes, index)
        of_metrics = {
            name: torch.where(is_finite, torch.from_numpy(metric.values).to(self._device), torch.nan)
            for name, metric in metrics.items()
        }
        for name, metric in metrics.items():
            self._store_errors(
                name, positions, np.where(is_finite.cpu().numpy(), metric.errors, np.array(None))
            )
        progress = self._sign * of_metrics[self._target_metric] if self._target_metric else gap
        solved = self._update_streaks(index, positions.seeds, progress, calls)
        self._append(self.calls, index, calls)
        self._append(self.objective, index, objective)
        self._append(self.gap, index, gap)
        norm = torch.full_like(gap, torch.nan) if gradient_norm is None else gradient_norm.double()
        self._append(self.gradient_norm, index, norm)
        for name, values in of_metrics.items():
            self._append(self.metrics[name], index, values)
        if self.stores_path:
            self._append(self.path, index, point)
        exploded = ~torch.isfinite(objective) | (gap > FROZEN_GAP)
        # A lane may have stopped because its gradient converged, at an iterate that is measured only now.
        measured_first = lanes.running if lanes.converged is None else lanes.running | lanes.converged
        lanes = lanes._replace(
            diverged=lanes.diverged | (measured_first & exploded),
            running=lanes.running & ~exploded & ~solved,
        )
        self.answer[index], self.last_gap[index] = point, gap
        for target, source in zip(leaves(self.buffers), leaves(lanes.buffers), strict=True):
            target[index] = source
        self.last_calls[index], self.steps[index] = lanes.calls, lanes.steps
        self.running[index], self.diverged[index], self.solved[index] = lanes.running, lanes.diverged, solved
        if lanes.converged is not None:
            self.converged[index] = lanes.converged
        return lanes

    def _store_errors(self, name: str, positions: LanePositions, errors: np.ndarray) -> None:
        if not any(errors.flat):
            return
        stored = self.metric_errors.setdefault(name, np.full(self.shape, None, dtype=object))
        index = np.ix_(positions.seeds.cpu().numpy(), positions.settings.cpu().numpy())
        stored[index] = np.where(stored[index].astype(bool), stored[index], errors)

    def _measure_gap(self, objective: Tensor, seeds: Tensor) -> Tensor:
        """Return (f − f*)/Δ, or (f − f₀)/max(|f₀|, 1) if f* is unknown: `[seeds, settings]`."""
        if self._optimum is not None and self._scale is not None:
            return (objective - self._optimum[seeds]) / self._scale
        start = self.objective[0][seeds, :1] if self.objective else objective[:, :1]
        return (objective - start) / start.abs().clamp(min=1)

    def _calls_of_iterate(self, lanes: Lanes, index: LaneIndex) -> Tensor:
        # The call whose gradient stops a lane is paid but makes no iterate, so it must not look like a new one.
        if not self.calls:
            return lanes.calls
        calls = lanes.calls
        if lanes.converged is not None:
            calls = calls - self._price * lanes.converged.double()
        return torch.where(lanes.steps > self.steps[index], calls, self.calls[-1][index])

    @property
    def target_values(self) -> Curve:
        """The curve that is compared with the targets: the gap, or the metric, with a sign if higher is better."""
        if not self._target_metric:
            return self.gap
        return [self._sign * values for values in self.metrics[self._target_metric]]

    def _update_streaks(self, index: LaneIndex, seeds: Tensor, gap: Tensor, calls: Tensor) -> Tensor:
        """Apply the rule of `calls_to_targets` to one checkpoint; return the solved lanes, `[seeds, settings]`."""
        if not self._targets.shape[-1]:
            return torch.zeros_like(gap, dtype=torch.bool)
        counts = calls <= affordable_calls(self._budget)
        if self.calls:
            counts &= calls > self.calls[-1][index]
        hit = (gap.unsqueeze(-1) <= self._targets[seeds]) & counts.unsqueeze(-1)
        streak = torch.where(hit, self._streak[index] + 1, 0)
        self._streak[index] = streak
        self._reached[index] |= streak >= CONSECUTIVE_CHECKPOINTS
        return self._reached[index].all(dim=-1)

    def _full(self, value: float, *dimensions: int, dtype: torch.dtype = torch.float64) -> Tensor:
        return torch.full((*self.shape, *dimensions), value, dtype=dtype, device=self._device)

    def _append(self, curve: Curve, index: LaneIndex, values: Tensor) -> None:
        if values.shape[:2] == self.shape:  # no lane has been dropped
            curve.append(values.clone())
            return
        curve.append(self._full(torch.nan, *values.shape[2:]))
        curve[-1][index] = values


class ScoredTargets(NamedTuple):
    """The targets of a batch: a value that is at most a target, after multiplication with `sign`, has reached it."""

    sign: int
    """−1 for a metric of which higher values are better."""
    targets: np.ndarray
    is_scored: np.ndarray
    """Which targets the arithmetic can resolve, `[seeds, targets]`; `[1, 0]` without targets."""


def scored_targets(batch: Batch, optimum: Tensor | None) -> ScoredTargets:
    """Return the targets of a batch, none without a metric or an `optimum: [seeds, 1]`.

    A gap is a multiple of the distance between neighbouring numbers at f*; a target below that distance would count as
    reached, or not, by rounding alone.
    """
    targets = np.asarray(batch.targets, dtype=float)
    if batch.target_metric:
        sign = -1 if targets.size and targets[-1] > targets[0] else 1
        is_scored = np.ones((len(batch.seeds), len(targets)), dtype=bool)
        return ScoredTargets(sign, sign * targets, is_scored)
    if optimum is None or batch.scale is None:
        return ScoredTargets(1, targets[:0], np.zeros((1, 0), dtype=bool))
    distance = float(np.finfo(batch.dtype).eps) * optimum.abs().cpu().numpy()
    return ScoredTargets(1, targets, np.asarray(distance <= targets * batch.scale))


def calls_to_targets(
    calls: np.ndarray, gap: np.ndarray, targets: np.ndarray, budget: int, stays: np.ndarray | bool
) -> np.ndarray:
    """Compute the calls at which each target counts as reached, `[..., targets]`; +inf if it never is.

    `calls` and `gap` are `[..., checkpoints]`. A checkpoint counts if its iterate is distinct: its calls exceed those
    before. A target is reached at the first of three counting checkpoints in a row with a gap at or below it, if that
    one is within the budget; reached at the start costs 1 call. A trial that `stays: [...]` at its last iterate
    (it ended there and did not diverge or fail) has that gap from then on: its last checkpoint counts like three.
    """
    checkpoints = calls.shape[-1]
    if not checkpoints:
        return np.full((*calls.shape[:-1], len(targets)), np.inf)
    distinct = np.diff(calls, prepend=-1.0, axis=-1) > 0
    last = checkpoints - 1 - distinct[..., ::-1].argmax(axis=-1, keepdims=True)
    repeats = CONSECUTIVE_CHECKPOINTS - 1
    has_ended = np.arange(checkpoints + repeats) > last
    hit = (gap[..., None, :] <= targets[:, None]) & distinct[..., None, :]
    last_hit = np.take_along_axis(hit, last[..., None, :], axis=-1) & np.asarray(stays)[..., None, None]
    hit = np.concatenate([hit, np.zeros((*hit.shape[:-1], repeats), dtype=bool)], axis=-1)
    hit |= has_ended[..., None, :] & last_hit
    confirmed = np.lib.stride_tricks.sliding_window_view(hit, CONSECUTIVE_CHECKPOINTS, axis=-1).all(axis=-1)
    confirmed &= (distinct & (calls <= affordable_calls(budget)))[..., None, :]
    first_hits = confirmed.argmax(axis=-1, keepdims=True)
    calls_of_targets = np.broadcast_to(calls[..., None, :], confirmed.shape)
    reached = np.take_along_axis(calls_of_targets, first_hits, axis=-1)[..., 0]
    return np.where(confirmed.any(axis=-1), np.maximum(reached, 1.0), np.inf)
