"""Verification of a study folder: stored batches run again and are compared with their rows."""

from benchbed.verify.rerun import run_again
from benchbed.verify.sampling import sample_batches

__all__ = ["run_again", "sample_batches"]
