"""The engine: runs one batch and returns its measurements, without files, processes or a clock of its own."""

from benchbed.checkpoints import checkpoint_calls
from benchbed.engine.batch import Batch, Record
from benchbed.engine.evaluation import objective_at, scale_of, solution_of
from benchbed.engine.recorder import calls_to_targets
from benchbed.engine.run import run_batch

__all__ = [
    "Batch",
    "Record",
    "calls_to_targets",
    "checkpoint_calls",
    "objective_at",
    "run_batch",
    "scale_of",
    "solution_of",
]
