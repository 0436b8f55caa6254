"""Faults of third-party problems and optimizers that cannot be planned."""

import msgspec

from benchbed.interfaces import TrialStatus


class PlanningFault(msgspec.Struct, frozen=True):
    """Why a problem or an optimizer cannot be planned, and the status of its trials, which do not run."""

    status: TrialStatus
    reason: str
