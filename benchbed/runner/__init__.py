"""Run what a plan lacks, in processes that may die, and store each result as it arrives."""

from benchbed.runner.drive import Driver, Progress, Settings
from benchbed.runner.isolation import end_children

__all__ = ["Driver", "Progress", "Settings", "end_children"]
