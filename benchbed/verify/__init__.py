"""Run stored batches again and compare: does a study folder hold what its plan gives?"""

from benchbed.verify.rerun import Verdict, run_again
from benchbed.verify.sampling import Sample, choose

__all__ = ["Sample", "Verdict", "choose", "run_again"]
