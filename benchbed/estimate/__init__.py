"""Estimate of the trials, calls and seconds of a plan, for each of its tracks."""

from benchbed.estimate.cost import Cost, Estimate, estimate
from benchbed.estimate.timing import time_plan

__all__ = ["Cost", "Estimate", "estimate", "time_plan"]
