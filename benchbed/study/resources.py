"""Say how a study is run, which no result may depend on."""

import os
from typing import NamedTuple

from benchbed.plan import Plan


class Resources(NamedTuple):
    """How a study is run, which no result may depend on."""

    jobs: int | None = None
    timeout: float | None = None
    executor: str = "processes"


def default_jobs(plan: Plan) -> int:
    """One job a core that this process may use; one alone on a CUDA device, which they would share."""
    if plan.device.startswith("cuda"):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
