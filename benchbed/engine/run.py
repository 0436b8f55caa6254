"""Run a batch: tile by tile, so that memory stays bounded, and put the measurements together."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from benchbed.engine.backends import numbers_of_a_step, resolve
from benchbed.engine.batch import Batch, Record
from benchbed.engine.finish import record_of
from benchbed.engine.instances import Instances
from benchbed.engine.loop import Clock, run_tile
from benchbed.engine.losses import WORKSPACE_BYTES
from benchbed.engine.pytrees import leaves, tiles
from benchbed.engine.tile import Program
from benchbed.interfaces import Optimizer
from benchbed.seeds import DRAW_BLOCK

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
            trace = run_tile(Program(tile, instances), clock, engine, reason)
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
    numbers = numbers_of_a_step(batch.problem, full=rule_of(batch).oracle == "full")
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
