"""Turn what the loop left on the device into a record of plain arrays, with a status for every trial."""

import numpy as np
import torch
from torch import Tensor

from benchbed.engine.batch import Batch, Record
from benchbed.engine.checkpoints import calls_to_targets
from benchbed.engine.evaluation import measure_gradient_norm, measure_metrics
from benchbed.engine.instances import Instances
from benchbed.engine.loop import Trace
from benchbed.engine.recorder import Recorder

FINAL_GAP = 1e3
"""A trial that ends with a gap beyond this has diverged (protocol, rule 5)."""


def record_of(trace: Trace, batch: Batch, instances: Instances) -> Record:
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
    trace: Trace, batch: Batch, instances: Instances
) -> tuple[np.ndarray, dict[str, np.ndarray], str | None]:
    nothing = np.full(trace.recorder.shape, np.nan)
    if trace.error is not None or trace.excess or trace.refusal:
        return nothing, {}, trace.error
    answer = trace.recorder.answer.to(instances.dtype)
    gradient_norm = _array(measure_gradient_norm(batch, instances, answer).double())
    with torch.no_grad():
        metrics = measure_metrics(batch.metrics, instances, answer)
    return gradient_norm, {name: _array(value.double()) for name, value in metrics.items()}, None


def _status(trace: Trace, gap: np.ndarray, error: str | None) -> np.ndarray:
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
