"""Run one batch and give its measurements; pure: no files, no processes, no clock it was not given."""

from benchbed.checkpoints import checkpoint_calls
from benchbed.engine.batch import ASKED, FELL_BACK, Batch, Record
from benchbed.engine.evaluation import objective_at, scale_of, solution_of
from benchbed.engine.recorder import calls_to_targets
from benchbed.engine.run import run_batch

__all__ = [
    "ASKED",
    "FELL_BACK",
    "Batch",
    "Record",
    "calls_to_targets",
    "checkpoint_calls",
    "objective_at",
    "run_batch",
    "scale_of",
    "solution_of",
]
