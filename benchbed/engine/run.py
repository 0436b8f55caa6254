"""Entry point of the engine: run a batch tile by tile, so that memory stays bounded, and join the measurements."""

import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchbed.engine.backends import choose_engine, numbers_of_a_step
from benchbed.engine.batch import Batch, Record
from benchbed.engine.evaluation import measure_gradient_norm
from benchbed.engine.loop import Clock, TileResult, run_tile
from benchbed.engine.metrics import MetricValues, measure_metrics
from benchbed.engine.pytrees import leaves, tiles
from benchbed.engine.recorder import Curve, calls_to_targets, scored_targets
from benchbed.engine.sampling import Instances
from benchbed.engine.tile import Tile
from benchbed.interfaces import MEASURED_STATUSES, TrialStatus

WORKSPACE_BYTES = 1 << 26
"""Memory of a step: large enough to be fast, small enough for many processes."""
DRAW_BYTES = 1 << 27
"""Memory of the draws of a tile's seeds for one block of steps, which all settings share."""
FINAL_GAP = 1e3
"""A trial that ends with a gap beyond this has diverged (protocol, rule 5)."""


def run_batch(batch: Batch, clock: Clock = time.perf_counter) -> Record:
    """Run every setting on every seed of `batch`.

    An exception of an optimizer or a loss becomes the record's `error`, beside everything measured until then.

    Raises: any exception of a plugin while instances are built, and those of failed allocations.
    """
    device, dtype = torch.device(batch.device), getattr(torch, batch.dtype)
    choice = choose_engine(batch, batch.optimizer.stateful)
    rows: dict[int, list[Record]] = {}
    for seeds, settings in tiles_of(batch):
        tile_batch = batch.part(seeds, settings)._replace(planned=batch.planned or batch)
        instances = Instances(tile_batch.problem, tile_batch.seeds, device, dtype)
        tile = Tile(tile_batch, instances)
        # The fused attention on CPUs has no form for lanes: torch would loop over them, and warn.
        with sdpa_kernel(SDPBackend.MATH):
            result = record_of(tile, run_tile(tile, clock, choice))
        rows.setdefault(settings.start, []).append(result)
    return join([join(row, axis=0) for row in rows.values()], axis=1)


def tiles_of(batch: Batch) -> Iterator[tuple[slice, slice]]:
    """Yield the seeds and settings of each tile of a batch, within the memory of a step and of a block of draws."""
    lanes = 1 if batch.optimizer.stateful else lanes_of_a_tile(batch)
    return tiles(len(batch.seeds), batch.settings, lanes, seeds_of_a_tile(batch))


def seeds_of_a_tile(batch: Batch) -> int | None:
    """Return the number of seeds whose draws of a block fit into `DRAW_BYTES`; None if nothing is drawn."""
    generator = torch.Generator()
    draws = [batch.problem.make_draws(generator, 1)]
    for make_draws in (batch.gradient.make_draws, batch.optimizer.make_draws):
        if make_draws is not None:
            draws.append(make_draws(generator, 1, batch.problem.layout.dimension))
    bytes_per_step = sum(leaf.nbytes for leaf in leaves(draws))
    return DRAW_BYTES // (batch.problem.draw_block * bytes_per_step) if bytes_per_step else None


def lanes_of_a_tile(batch: Batch) -> int:
    """Return the number of lanes whose step fits into the workspace; it depends on the plan alone."""
    itemsize = torch.finfo(getattr(torch, batch.dtype)).bits // 8
    numbers = numbers_of_a_step(batch.problem, full_batch=batch.optimizer.full_batch)
    numbers *= batch.gradient.width(batch.problem.layout.dimension)
    return max(1, int(WORKSPACE_BYTES / (itemsize * numbers)))


def record_of(tile: Tile, result: TileResult) -> Record:
    """Return a tile's measurements as arrays `[seeds, settings, …]`."""
    batch, recorder, backend = tile.batch, result.recorder, result.backend
    shape, steps = recorder.shape, _array(recorder.steps)
    optimum = None if batch.scale is None else tile.instances.optimum()
    calls = _curve(recorder.calls, shape)
    _, targets, is_scored = scored_targets(batch, optimum)
    gradient_norm, metrics = _final_measures(tile, result)
    status = _status(tile, result)
    stays = np.isin(status.astype(str), sorted(MEASURED_STATUSES))
    values = _curve(recorder.target_values, shape)
    calls_to_target = calls_to_targets(calls, values, targets, batch.budget, stays)
    calls_to_target = np.where(is_scored[:, None], calls_to_target, np.nan)
    if batch.stop_when_solved:  # the last checkpoint may complete the targets
        is_complete = np.isfinite(calls_to_target).any(axis=-1) & ~np.isinf(calls_to_target).any(axis=-1)
        status[(status == TrialStatus.EXHAUSTED) & is_complete] = TrialStatus.SOLVED

    def constant(value: object) -> np.ndarray:
        return np.full(shape, value, dtype=object)

    return Record(
        status=status,
        calls=_array(recorder.last_calls),
        steps=steps,
        calls_to_target=calls_to_target,
        curve_calls=calls,
        curve_objective=_curve(recorder.objective, shape),
        curve_gradient_norm=_curve(recorder.gradient_norm, shape),
        curve_metrics={name: _curve(curve, shape) for name, curve in recorder.metrics.items()},
        curve_theta=_curve(recorder.path, recorder.answer.shape) if recorder.stores_path else None,
        final_theta=_array(recorder.answer),
        gradient_norm=gradient_norm,
        optimum=None if optimum is None else np.broadcast_to(_array(optimum), shape).copy(),
        metrics={name: metric.values for name, metric in metrics.items()},
        metric_errors=_metric_errors(metrics, recorder.metric_errors),
        step_seconds=result.seconds * steps,
        state_bytes=result.state_bytes,
        reads_progress=np.full(shape, tile.stepper.reads_progress),
        engine=constant(backend.engine),
        engine_requested=constant(batch.engine),
        engine_reason=constant(backend.reason),
        fallback_reason=constant(backend.fallback_reason),
        error=result.error,
        skip_reason=tile.budget_error or result.gradient_error,
    )


def _metric_errors(
    metrics: Mapping[str, MetricValues], at_checkpoints: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return why metrics have no value at the final point or, if they have one there, at a checkpoint before."""
    errors = {name: metric.errors for name, metric in metrics.items()}
    for name, earlier in at_checkpoints.items():
        final = errors.get(name, earlier)
        errors[name] = np.where(final.astype(bool), final, earlier)
    return errors


def _final_measures(tile: Tile, result: TileResult) -> tuple[np.ndarray, dict[str, MetricValues]]:
    if result.error is not None or tile.budget_error or result.gradient_error:
        return np.full(result.recorder.shape, np.nan), {}
    point, buffers = result.recorder.answer.to(tile.instances.dtype), result.recorder.buffers
    gradient_norm = _array(measure_gradient_norm(tile.batch, tile.instances, point, buffers).double())
    with torch.no_grad():
        metrics = measure_metrics(
            tile.batch.metrics, tile.instances, point, tile.batch.faulty_metrics, buffers
        )
    return gradient_norm, metrics


def _status(tile: Tile, result: TileResult) -> np.ndarray:
    recorder = result.recorder
    status = np.full(recorder.shape, TrialStatus.EXHAUSTED, dtype=object)
    status[_array(recorder.converged)] = TrialStatus.CONVERGED
    status[_array(recorder.solved)] = TrialStatus.SOLVED
    status[_array(recorder.diverged | (recorder.last_gap > FINAL_GAP))] = TrialStatus.DIVERGED
    if result.error is not None:
        status[_array(recorder.running)] = TrialStatus.FAILED
    if result.gradient_error:
        status[_array(recorder.running)] = TrialStatus.SKIPPED
    if tile.budget_error:
        status[:] = TrialStatus.SKIPPED
    return status


def _curve(curve: Curve, shape: Sequence[int]) -> np.ndarray:
    """Return a curve as `[seeds, settings, checkpoints, …]`; its tensors have this shape."""
    return _array(
        torch.stack(curve, dim=2) if curve else torch.empty(*shape[:2], 0, *shape[2:], dtype=torch.float64)
    )


def _array(values: Tensor) -> np.ndarray:
    return values.cpu().numpy()


def join(records: Sequence[Record], axis: int) -> Record:
    """Concatenate records along the seeds (axis 0) or the settings (axis 1)."""
    first = records[0]
    if len(records) == 1:
        return first
    arrays = {
        name: _concatenate([getattr(record, name) for record in records], axis)
        for name in Record._fields
        if isinstance(getattr(first, name), np.ndarray)
    }
    # A tile whose plugin raised has no metrics.
    metrics = _join_by_name(
        [(record.metrics, np.full(record.status.shape, np.nan)) for record in records], axis
    )
    curve_metrics = {
        name: _concatenate([record.curve_metrics[name] for record in records], axis)
        for name in first.curve_metrics
    }
    metric_errors = _join_by_name(
        [(record.metric_errors, np.full(record.status.shape, None, dtype=object)) for record in records], axis
    )
    return first._replace(
        metrics=metrics,
        metric_errors=metric_errors,
        curve_metrics=curve_metrics,
        error=next((record.error for record in records if record.error is not None), None),
        skip_reason=next((record.skip_reason for record in records if record.skip_reason is not None), None),
        **arrays,  # type: ignore[arg-type]  # the other fields are arrays
    )


def _join_by_name(
    parts: Sequence[tuple[Mapping[str, np.ndarray], np.ndarray]], axis: int
) -> dict[str, np.ndarray]:
    """Concatenate the arrays of each name; a part that lacks it has a replacement, the second of its pair."""
    names = dict.fromkeys(name for arrays, _ in parts for name in arrays)
    return {
        name: np.concatenate([arrays.get(name, missing) for arrays, missing in parts], axis=axis)
        for name in names
    }


def _concatenate(arrays: Sequence[np.ndarray], axis: int) -> np.ndarray:
    """Concatenate arrays; those of tiles that stopped at fewer checkpoints are padded with NaN."""
    if arrays[0].ndim > 2:
        longest = max(array.shape[2] for array in arrays)
        padding = [
            [(0, 0), (0, 0), (0, longest - array.shape[2])] + [(0, 0)] * (array.ndim - 3) for array in arrays
        ]
        arrays = [
            np.pad(array, pad, constant_values=np.nan) for array, pad in zip(arrays, padding, strict=True)
        ]
    return np.concatenate(arrays, axis=axis)
