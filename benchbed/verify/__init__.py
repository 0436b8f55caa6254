"""Run stored batches again and compare: does a study folder hold what its plan gives?"""

from benchbed.verify.choice import Sample, choose
from benchbed.verify.repeat import Verdict, run_again

__all__ = ["Sample", "Verdict", "choose", "run_again"]
