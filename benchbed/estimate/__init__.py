"""Estimate of the trials, calls and seconds of a plan, for each of its tracks."""

from benchbed.estimate.cost import Cost, Estimate, estimate
from benchbed.estimate.timing import PlanTimings, time_plan

__all__ = ["Cost", "Estimate", "PlanTimings", "estimate", "time_plan"]
