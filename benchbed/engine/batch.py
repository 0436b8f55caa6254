"""The batch that the engine runs, and the record of its measurements."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from benchbed.interfaces import Engine, Gradient, Optimizer, OptimizerFactory, Problem, RegisteredMetric
from benchbed.seeds import InstanceSeed


class Batch(NamedTuple):
    """The trials of one pairing that run together: every setting on every seed."""

    problem: Problem
    factory: OptimizerFactory
    statics: Mapping[str, Any]
    """Hyperparameters that are not tensors and that all settings share, and `layout` and `budget` if the factory takes
    them."""
    hyperparameters: Mapping[str, Sequence[float]]
    """Name -> one number for each setting."""
    settings: int
    seeds: Sequence[InstanceSeed]
    budget: int
    targets: Sequence[float]
    scale: float | None
    """Δ, the unit of the gap; None if the optimum is unknown."""
    gradient: Gradient
    metrics: Mapping[str, RegisteredMetric]
    dtype: str
    device: str
    every_step: bool = False
    """Measure after every step instead of at the protocol's checkpoints."""
    engine: Engine = Engine.AUTO
    """The requested engine."""
    tolerance: float | None = None
    """A lane stops before an update if its gradient has at most this Euclidean norm; None to go on."""
    raises: bool = False
    """Raise the exceptions of plugin code instead of storing them as the record's error."""
    stop_when_solved: bool = True
    """Stop a lane once it has reached all targets."""
    target_metric: str = ""
    """Metric whose values are the targets; "" if they are gaps."""
    planned: "Batch | None" = None
    """Batch whose work decides what is compiled, if this one is a small part of it."""
    third_party: bool = False
    """A plugin of a third party takes part, so the first compiled steps are compared with eager ones."""
    python_state: str | None = None
    """Name of a variable that the optimizer changes in Python; its steps then run eagerly, and no lane is dropped."""
    faulty_metrics: Mapping[str, str] = MappingProxyType({})
    """Metrics that are not measured, with the reason: their values depend on more than their arguments."""
    deaths: int = 0
    """Processes that died, or exceeded the time limit, with trials of this batch: its check avoids risky values."""
    first_steps: int | None = None
    """Steps after which every lane ends; None for the whole budget."""
    threads: int | None = None
    """Threads of a compiled step; None for as many as torch uses. Results do not depend on it."""

    def build(self, hyperparameters: Mapping[str, Any]) -> Optimizer[Any]:
        """Build the optimizer with these and the static hyperparameters."""
        return self.factory(**self.statics, **hyperparameters)

    @property
    def optimizer(self) -> Optimizer[Any]:
        """The optimizer of the first setting; its flags hold for all."""
        return self.build({name: values[0] for name, values in self.hyperparameters.items()})

    def label_of(self, kind: str) -> str:
        """Return the name of the batch's "problem", "optimizer" or "gradient" for messages."""
        names = {
            "problem": self.seeds[0].problem,
            "optimizer": getattr(self.factory, "__name__", str(self.factory)),
        }
        return f"{kind} {names[kind]!r}" if kind in names else f"the {kind}"

    def part(self, seeds: slice, settings: slice) -> "Batch":
        """Return the batch of these seeds and settings."""
        return self._replace(
            seeds=self.seeds[seeds],
            settings=settings.stop - settings.start,
            hyperparameters={name: values[settings] for name, values in self.hyperparameters.items()},
        )


class Record(NamedTuple):
    """The measurements of a batch; arrays are `[seeds, settings, …]`, curves are padded with NaN at the end."""

    status: np.ndarray  # of TrialStatus
    calls: np.ndarray
    steps: np.ndarray
    calls_to_target: np.ndarray  # [..., targets], +inf if not reached, NaN if not scored
    curve_calls: np.ndarray  # [..., checkpoints], the start first
    curve_objective: np.ndarray
    curve_gradient_norm: np.ndarray
    curve_metrics: Mapping[str, np.ndarray]
    curve_theta: np.ndarray | None  # [..., checkpoints, dimension], up to 16 dimensions
    final_theta: np.ndarray  # [..., dimension]
    gradient_norm: np.ndarray
    optimum: np.ndarray | None
    metrics: Mapping[str, np.ndarray]  # NaN where not measured
    step_seconds: np.ndarray
    """A trial's share of the wall time of its batch's steps; excludes checkpoints and compiling."""
    state_bytes: float | None
    reads_progress: np.ndarray  # of bool
    """The optimizer read `oracle.progress`, or its factory takes `budget`: it knows the budget."""
    engine: np.ndarray  # of Engine
    """The engine that ran: eager or compiled."""
    engine_requested: np.ndarray  # of Engine
    engine_reason: np.ndarray  # of str
    """Why this engine ran, as a sentence for people."""
    fallback_reason: np.ndarray  # of str or None
    """Why the compiled step failed, for people; None if the chosen engine ran."""
    metric_errors: Mapping[str, np.ndarray] = MappingProxyType({})  # of str or None
    """Why a metric was not measured."""
    error: str | None = None
    """Traceback of the plugin that raised."""
    skip_reason: str | None = None
    """Why trials were skipped: the budget does not pay for one step, or the gradient does not support the loss."""
