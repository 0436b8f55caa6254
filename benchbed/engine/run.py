"""Run a batch: tile by tile, so that memory stays bounded, and put the measurements together."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchbed.engine.backends import numbers_of_a_step, resolve
from benchbed.engine.batch import Batch, Record
from benchbed.engine.evaluation import measure_gradient_norm, measure_metrics
from benchbed.engine.loop import Clock, TileResult, run_tile
from benchbed.engine.pytrees import leaves, tiles
from benchbed.engine.recorder import Recorder, calls_to_targets
from benchbed.engine.sampling import Instances
from benchbed.engine.tile import Tile
from benchbed.interfaces import Optimizer
from benchbed.seeds import DRAW_BLOCK

WORKSPACE_BYTES = 1 << 26
"""Memory that a step may keep alive: large enough to be fast, small enough for many processes."""
DRAWN_BYTES = 1 << 27
"""Of the draws of a tile's seeds for a block of steps, which all settings share."""


def run_batch(batch: Batch, clock: Clock = time.perf_counter) -> Record:
    """Run every setting on every seed of `batch`.

    Raises whatever a plugin raises while instances are made; what a rule or a loss raises later becomes the
    record's `error`, beside everything measured until then.
    """
    device, dtype = torch.device(batch.device), getattr(torch, batch.dtype)
    engine, reason = resolve(batch, is_stateful(batch))
    rows: list[list[Record]] = []
    for seeds, settings in _by_settings(tiles_of(batch)):
        rows.append([])
        for seed_slice in seeds:
            tile = batch.part(seed_slice, settings)
            instances = Instances(tile.problem, tile.seeds, device, dtype)
            trace = run_tile(Tile(tile, instances), clock, engine, reason)
            rows[-1].append(record_of(trace, tile, instances))
    return join([join(row, axis=0) for row in rows], axis=1)


def tiles_of(batch: Batch) -> Iterator[tuple[slice, slice]]:
    """Cut a batch into tiles of seeds and settings that keep to the workspace and to the draws of a block."""
    lanes = 1 if is_stateful(batch) else lanes_of_a_tile(batch)
    return tiles(len(batch.seeds), batch.settings, lanes, seeds_of_a_tile(batch))


def seeds_of_a_tile(batch: Batch) -> int | None:
    """Say of how many seeds a block of draws keeps to `DRAWN_BYTES`; None where nothing is drawn."""
    generator = torch.Generator()
    drawn = [batch.problem.make_draws(generator, 1)]
    if batch.gradient.make_draws is not None:
        drawn.append(batch.gradient.make_draws(generator, 1, batch.problem.layout.dimension))
    of_a_step = sum(leaf.nbytes for leaf in leaves(drawn))
    return DRAWN_BYTES // (DRAW_BLOCK * of_a_step) if of_a_step else None


def lanes_of_a_tile(batch: Batch) -> int:
    """Say how many lanes keep a step within the workspace; depends on what is planned alone, so results repeat."""
    itemsize = torch.finfo(getattr(torch, batch.dtype)).bits // 8
    numbers = numbers_of_a_step(batch.problem, full=rule_of(batch).full_batch)
    numbers *= batch.gradient.width(batch.problem.layout.dimension)
    return max(1, int(WORKSPACE_BYTES / (itemsize * numbers)))


def is_stateful(batch: Batch) -> bool:
    """Tell whether the rule must run one trial at a time."""
    return rule_of(batch).stateful


def rule_of(batch: Batch) -> Optimizer[Any]:
    """Give the rule of the first setting, whose flags hold for all."""
    first = {name: values[0] for name, values in batch.hyperparameters.items()}
    return batch.factory(**batch.statics, **first)


def _by_settings(cut: Iterable[tuple[slice, slice]]) -> Iterator[tuple[list[slice], slice]]:
    grouped: dict[tuple[int, int], list[slice]] = {}
    for seed_slice, setting_slice in cut:
        grouped.setdefault((setting_slice.start, setting_slice.stop), []).append(seed_slice)
    for (start, stop), seed_slices in grouped.items():
        yield seed_slices, slice(start, stop)


def join(records: Sequence[Record], axis: int) -> Record:
    """Put records side by side along the seeds (axis 0) or the settings (axis 1)."""
    if len(records) == 1:
        return records[0]
    first = records[0]

    joined: dict[str, Any] = {
        name: _concatenate(
            [getattr(record, name) for record in records], axis, padded=name.startswith("curve_")
        )
        for name in Record._fields
        if isinstance(getattr(first, name), np.ndarray)
    }
    names = dict.fromkeys(name for record in records for name in record.metrics)
    metrics = {
        name: np.concatenate([_metric(record, name) for record in records], axis=axis) for name in names
    }
    errors = [record.error for record in records if record.error is not None]
    reasons = [record.excess for record in records if record.excess is not None]
    return first._replace(
        **joined,
        metrics=metrics,
        error=errors[0] if errors else None,
        excess=reasons[0] if reasons else None,
    )


def _metric(record: Record, name: str) -> np.ndarray:
    unknown = np.full(record.status.shape, np.nan)  # a tile whose plugin raised has no metrics
    return record.metrics.get(name, unknown)


def _concatenate(parts: Sequence[np.ndarray], axis: int, padded: bool) -> np.ndarray:
    if padded:  # tiles may stop at different checkpoints
        longest = max(part.shape[2] for part in parts)
        parts = [
            np.pad(
                part,
                [(0, 0), (0, 0), (0, longest - part.shape[2])] + [(0, 0)] * (part.ndim - 3),
                constant_values=np.nan,
            )
            for part in parts
        ]
    return np.concatenate(parts, axis=axis)


FINAL_GAP = 1e3
"""A trial that ends with a gap beyond this has diverged (protocol, rule 5)."""


def record_of(trace: TileResult, batch: Batch, instances: Instances) -> Record:
    """Give a tile's measurements as arrays `[seeds, settings, …]`."""
    recorder = trace.recorder
    calls, gap = _curve(recorder.calls, recorder), _curve(recorder.gap, recorder)
    targets = np.asarray(batch.targets if batch.scale is not None else (), dtype=float)
    gradient_norm, metrics, error = _final_measures(trace, batch, instances)
    optimum = instances.optimum()
    steps = _array(recorder.steps)
    return Record(
        status=_status(trace, gap, error),
        calls=_array(recorder.last_calls),
        steps=steps,
        calls_to_target=calls_to_targets(calls, gap, targets, batch.budget),
        curve_calls=calls,
        curve_objective=_curve(recorder.objective, recorder),
        curve_gradient_norm=_curve(recorder.gradient_norm, recorder),
        curve_theta=None if recorder.path is None else _curve(recorder.path, recorder),
        final_theta=_array(recorder.answer),
        gradient_norm=gradient_norm,
        optimum=None if optimum is None else np.broadcast_to(_array(optimum), recorder.shape).copy(),
        metrics=metrics,
        step_seconds=trace.seconds * steps,
        state_bytes=trace.state_bytes,
        reads_progress=np.full(recorder.shape, trace.reads_progress),
        engine=np.full(recorder.shape, trace.engine, dtype=object),
        engine_reason=np.full(recorder.shape, trace.engine_reason, dtype=object),
        error=error,
        excess=trace.excess or trace.refusal,
    )


def _final_measures(
    trace: TileResult, batch: Batch, instances: Instances
) -> tuple[np.ndarray, dict[str, np.ndarray], str | None]:
    nothing = np.full(trace.recorder.shape, np.nan)
    if trace.error is not None or trace.excess or trace.refusal:
        return nothing, {}, trace.error
    answer = trace.recorder.answer.to(instances.dtype)
    gradient_norm = _array(measure_gradient_norm(batch, instances, answer).double())
    with torch.no_grad():
        metrics = measure_metrics(batch.metrics, instances, answer)
    return gradient_norm, {name: _array(value.double()) for name, value in metrics.items()}, None


def _status(trace: TileResult, gap: np.ndarray, error: str | None) -> np.ndarray:
    recorder = trace.recorder
    last = gap[..., 0] if gap.shape[-1] else np.full(recorder.shape, np.nan)
    for column in range(gap.shape[-1]):
        last = np.where(np.isnan(_array(recorder.calls[:, :, column])), last, gap[..., column])
    status = np.full(recorder.shape, "exhausted", dtype=object)
    status[_array(recorder.converged)] = "converged"
    status[_array(recorder.solved)] = "solved"
    with np.errstate(invalid="ignore"):
        status[_array(recorder.diverged) | (last > FINAL_GAP)] = "diverged"
    if error is not None:
        status[_array(recorder.running)] = "failed"
    if trace.refusal:
        status[_array(recorder.running)] = "skipped"
    if trace.excess:
        status[:] = "skipped"
    return status


def _curve(values: Tensor, recorder: Recorder) -> np.ndarray:
    return _array(values[:, :, : recorder.filled])


def _array(values: Tensor) -> np.ndarray:
    return values.cpu().numpy()
