"""Describe one batch to the engine, and what the engine gives back."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from benchbed.interfaces import Gradient, OptimizerFactory, Problem, RegisteredMetric
from benchbed.seeds import InstanceSeed

ASKED = "asked for"
"""The reason for an engine that the user named; where the engine chose for itself, it is another."""
FELL_BACK = "; made one by one, as "
"""Stands in the reason before what kept a compiled program from being made, or from going on."""


class Batch(NamedTuple):
    """The trials of one pairing that run together: every setting on every seed."""

    problem: Problem
    factory: OptimizerFactory
    statics: Mapping[str, Any]
    """Hyperparameters that all settings share and that are no tensors; `layout` included where it is asked for."""
    hyperparameters: Mapping[str, Sequence[float]]
    """One number a setting, by name; every sequence has the same length."""
    settings: int
    seeds: Sequence[InstanceSeed]
    budget: int
    targets: Sequence[float]
    scale: float | None
    """Δ, the unit of the gap; None without a known optimum."""
    gradient: Gradient
    metrics: Mapping[str, RegisteredMetric]
    dtype: str
    device: str
    every_step: bool = False
    """Measure after every step instead of at the protocol's checkpoints."""
    engine: str = "auto"
    """How steps are made: "eager", "compiled", or "auto" for whichever is faster."""
    tolerance: float | None = None
    """A lane stops before an update whose gradient has at most this Euclidean norm; None to go on."""
    raises: bool = False
    """What a rule or a loss raises comes through, instead of becoming the record's error."""
    stop_when_solved: bool = True
    """A lane stops once all targets are reached."""
    threads: int | None = None
    """Those of a program of lanes, whose numbers do not depend on it; None for as many as torch has."""

    def part(self, seeds: slice, settings: slice) -> "Batch":
        """Keep these seeds and settings."""
        return self._replace(
            seeds=self.seeds[seeds],
            settings=settings.stop - settings.start,
            hyperparameters={name: values[settings] for name, values in self.hyperparameters.items()},
        )


class Record(NamedTuple):
    """The measurements of a batch; arrays are `[seeds, settings, …]`, curves end where NaN begins."""

    status: np.ndarray  # of str
    calls: np.ndarray
    steps: np.ndarray
    calls_to_target: np.ndarray  # [..., targets], +inf where not reached
    curve_calls: np.ndarray  # [..., checkpoints], the start first
    curve_objective: np.ndarray
    curve_gradient_norm: np.ndarray
    curve_theta: np.ndarray | None  # [..., checkpoints, dimension], up to 16 dimensions
    final_theta: np.ndarray  # [..., dimension]
    gradient_norm: np.ndarray
    optimum: np.ndarray | None
    metrics: Mapping[str, np.ndarray]
    step_seconds: np.ndarray
    """Wall time of a trial's own steps, as its share of those of its batch; checkpoints and compiling excluded."""
    state_bytes: float | None
    reads_progress: np.ndarray  # of bool
    """The rule asked for the share of the budget spent, by the harness's own count."""
    engine: np.ndarray  # of str
    """How the steps were made: "eager" or "compiled"."""
    engine_reason: np.ndarray  # of str
    """Why so."""
    error: str | None = None
    """Traceback of the plugin, if it raised."""
    excess: str | None = None
    """Why trials were skipped: not even one step could be paid for, or the gradient does not serve the loss."""
