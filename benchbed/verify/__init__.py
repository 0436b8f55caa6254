"""Verification of a study folder: stored batches run again and are compared with their rows."""

from benchbed.verify.rerun import Verdict, run_again
from benchbed.verify.sampling import Sample, sample_batches

__all__ = ["Sample", "Verdict", "run_again", "sample_batches"]
