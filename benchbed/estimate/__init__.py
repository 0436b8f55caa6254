"""Estimate what a plan costs before anything is spent: trials, calls and seconds, for each of its tracks."""

from benchbed.estimate.cost import Cost, Estimate, estimate
from benchbed.estimate.measure import Measured, measure

__all__ = ["Cost", "Estimate", "Measured", "estimate", "measure"]
