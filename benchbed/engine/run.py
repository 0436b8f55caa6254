"""Entry point of the engine: run a batch tile by tile, so that memory stays bounded, and join the measurements."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchbed.engine.backends import choose_engine, numbers_of_a_step
from benchbed.engine.batch import Batch, Record
from benchbed.engine.evaluation import measure_gradient_norm, measure_metrics
from benchbed.engine.loop import Clock, TileResult, run_tile
from benchbed.engine.pytrees import leaves, tiles
from benchbed.engine.recorder import Recorder, calls_to_targets
from benchbed.engine.sampling import Instances
from benchbed.engine.tile import Tile
from benchbed.interfaces import Optimizer, TrialStatus
from benchbed.seeds import DRAW_BLOCK

WORKSPACE_BYTES = 1 << 26
"""Memory of a step: large enough to be fast, small enough for many processes."""
DRAW_BYTES = 1 << 27
"""Memory of the draws of a tile's seeds for one block of steps, which all settings share."""
FINAL_GAP = 1e3
"""A trial that ends with a gap beyond this has diverged (protocol, rule 5)."""


def run_batch(batch: Batch, clock: Clock = time.perf_counter) -> Record:
    """Run every setting on every seed of `batch`.

    An exception of an optimizer or a loss becomes the record's `error`, beside everything measured until then.

    Raises: any exception of a plugin while instances are built.
    """
    device, dtype = torch.device(batch.device), getattr(torch, batch.dtype)
    choice = choose_engine(batch, is_stateful(batch))
    rows: dict[int, list[Record]] = {}
    for seeds, settings in tiles_of(batch):
        tile_batch = batch.part(seeds, settings)
        instances = Instances(tile_batch.problem, tile_batch.seeds, device, dtype)
        result = run_tile(Tile(tile_batch, instances), clock, choice)
        rows.setdefault(settings.start, []).append(record_of(result, tile_batch, instances))
    return join([join(row, axis=0) for row in rows.values()], axis=1)


def tiles_of(batch: Batch) -> Iterator[tuple[slice, slice]]:
    """Yield the seeds and settings of each tile of a batch, within the memory of a step and of a block of draws."""
    lanes = 1 if is_stateful(batch) else lanes_of_a_tile(batch)
    return tiles(len(batch.seeds), batch.settings, lanes, seeds_of_a_tile(batch))


def seeds_of_a_tile(batch: Batch) -> int | None:
    """Return the number of seeds whose draws of a block fit into `DRAW_BYTES`; None if nothing is drawn."""
    generator = torch.Generator()
    draws = [batch.problem.make_draws(generator, 1)]
    if batch.gradient.make_draws is not None:
        draws.append(batch.gradient.make_draws(generator, 1, batch.problem.layout.dimension))
    bytes_per_step = sum(leaf.nbytes for leaf in leaves(draws))
    return DRAW_BYTES // (DRAW_BLOCK * bytes_per_step) if bytes_per_step else None


def lanes_of_a_tile(batch: Batch) -> int:
    """Return the number of lanes whose step fits into the workspace; it depends on the plan alone."""
    itemsize = torch.finfo(getattr(torch, batch.dtype)).bits // 8
    numbers = numbers_of_a_step(batch.problem, full_batch=_first_optimizer(batch).full_batch)
    numbers *= batch.gradient.width(batch.problem.layout.dimension)
    return max(1, int(WORKSPACE_BYTES / (itemsize * numbers)))


def is_stateful(batch: Batch) -> bool:
    """Return whether the optimizer runs one trial at a time."""
    return _first_optimizer(batch).stateful


def _first_optimizer(batch: Batch) -> Optimizer[Any]:
    """Build the optimizer of the first setting; its flags hold for all."""
    first = {name: values[0] for name, values in batch.hyperparameters.items()}
    return batch.factory(**batch.statics, **first)


def record_of(result: TileResult, batch: Batch, instances: Instances) -> Record:
    """Return a tile's measurements as arrays `[seeds, settings, …]`."""
    recorder = result.recorder
    calls, gap = _curve(recorder.calls, recorder), _curve(recorder.gap, recorder)
    targets = np.asarray(batch.targets if batch.scale is not None else (), dtype=float)
    gradient_norm, metrics, error = _final_measures(result, batch, instances)
    optimum = instances.optimum()
    steps = _array(recorder.steps)

    def constant(value: object) -> np.ndarray:
        return np.full(recorder.shape, value, dtype=object)

    return Record(
        status=_status(result, gap, error),
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
        step_seconds=result.seconds * steps,
        state_bytes=result.state_bytes,
        reads_progress=np.full(recorder.shape, result.reads_progress),
        engine=constant(result.engine),
        engine_requested=constant(batch.engine),
        engine_reason=constant(result.engine_reason),
        fallback_reason=constant(result.fallback_reason),
        error=error,
        skip_reason=result.budget_error or result.gradient_error,
    )


def _final_measures(
    result: TileResult, batch: Batch, instances: Instances
) -> tuple[np.ndarray, dict[str, np.ndarray], str | None]:
    unknown = np.full(result.recorder.shape, np.nan)
    if result.error is not None or result.budget_error or result.gradient_error:
        return unknown, {}, result.error
    point = result.recorder.answer.to(instances.dtype)
    gradient_norm = _array(measure_gradient_norm(batch, instances, point).double())
    with torch.no_grad():
        metrics = measure_metrics(batch.metrics, instances, point)
    return gradient_norm, {name: _array(value.double()) for name, value in metrics.items()}, None


def _status(result: TileResult, gap: np.ndarray, error: str | None) -> np.ndarray:
    recorder = result.recorder
    last_gap = gap[..., 0] if gap.shape[-1] else np.full(recorder.shape, np.nan)
    for column in range(gap.shape[-1]):
        last_gap = np.where(np.isnan(_array(recorder.calls[:, :, column])), last_gap, gap[..., column])
    status = np.full(recorder.shape, TrialStatus.EXHAUSTED, dtype=object)
    status[_array(recorder.converged)] = TrialStatus.CONVERGED
    status[_array(recorder.solved)] = TrialStatus.SOLVED
    with np.errstate(invalid="ignore"):
        status[_array(recorder.diverged) | (last_gap > FINAL_GAP)] = TrialStatus.DIVERGED
    if error is not None:
        status[_array(recorder.running)] = TrialStatus.FAILED
    if result.gradient_error:
        status[_array(recorder.running)] = TrialStatus.SKIPPED
    if result.budget_error:
        status[:] = TrialStatus.SKIPPED
    return status


def _curve(values: Tensor, recorder: Recorder) -> np.ndarray:
    return _array(values[:, :, : recorder.checkpoints])


def _array(values: Tensor) -> np.ndarray:
    return values.cpu().numpy()


def join(records: Sequence[Record], axis: int) -> Record:
    """Concatenate records along the seeds (axis 0) or the settings (axis 1)."""
    if len(records) == 1:
        return records[0]
    first = records[0]
    arrays: dict[str, Any] = {
        name: _concatenate(
            [getattr(record, name) for record in records], axis, padded=name.startswith("curve_")
        )
        for name in Record._fields
        if isinstance(getattr(first, name), np.ndarray)
    }
    metrics = {}
    for name in dict.fromkeys(name for record in records for name in record.metrics):
        # A tile whose plugin raised has no metrics.
        values = [record.metrics.get(name, np.full(record.status.shape, np.nan)) for record in records]
        metrics[name] = np.concatenate(values, axis=axis)
    return first._replace(
        **arrays,
        metrics=metrics,
        error=next((record.error for record in records if record.error is not None), None),
        skip_reason=next((record.skip_reason for record in records if record.skip_reason is not None), None),
    )


def _concatenate(arrays: Sequence[np.ndarray], axis: int, padded: bool) -> np.ndarray:
    if padded:  # tiles may stop at different checkpoints
        longest = max(array.shape[2] for array in arrays)
        arrays = [
            np.pad(
                array,
                [(0, 0), (0, 0), (0, longest - array.shape[2])] + [(0, 0)] * (array.ndim - 3),
                constant_values=np.nan,
            )
            for array in arrays
        ]
    return np.concatenate(arrays, axis=axis)
