"""How a trial ends: its status, and the groups of statuses that decide how it counts."""

from enum import StrEnum


class TrialStatus(StrEnum):
    """Status of a trial (protocol, rule 5); the value is the text in stored rows and tables."""

    SOLVED = "solved"
    """All targets were reached; the trial stops there."""
    CONVERGED = "converged"
    """The caller's gradient tolerance was met before that."""
    EXHAUSTED = "exhausted"
    """The budget was spent."""
    DIVERGED = "diverged"
    """The gap became non-finite or too large."""
    FAILED = "failed"
    """The plugin raised an exception."""
    CRASHED = "crashed"
    """The process died."""
    TIMED_OUT = "timed_out"
    """The batch took longer than the time limit."""
    OUT_OF_MEMORY = "out_of_memory"
    """The memory limit was reached."""
    SKIPPED = "skipped"
    """The trial cannot run as planned, for the reason in its row."""


MEASURED_STATUSES = frozenset({TrialStatus.SOLVED, TrialStatus.CONVERGED, TrialStatus.EXHAUSTED})
"""The final point is a result; the final gap of every other trial counts as +∞."""
FINAL_STATUSES = MEASURED_STATUSES | {TrialStatus.DIVERGED, TrialStatus.SKIPPED}
"""A trial that ended so does not run again when its study is resumed."""
LOST_STATUSES = frozenset(TrialStatus) - MEASURED_STATUSES - {TrialStatus.SKIPPED}
"""The trial ran and has no usable final point."""
