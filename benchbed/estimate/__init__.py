"""Estimate of the trials, calls and seconds of a plan, for each of its tracks."""
