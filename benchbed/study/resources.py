"""Jobs, time limit and workers of a study."""

import os
from typing import NamedTuple

from benchbed.catalog.lookup import Catalog
from benchbed.errors import UsageError
from benchbed.plan import Plan
from benchbed.runner.workers import Workers


class Resources(NamedTuple):
    """Options of running a study that do not affect its results."""

    jobs: int | None = None
    timeout: float | None = None
    """Seconds for each batch."""
    executor: str = "processes"


def default_jobs(plan: Plan) -> int:
    """Return one job for each core that this process may use; one for a CUDA device, which jobs would share."""
    if plan.device.startswith("cuda"):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def jobs_of(plan: Plan, resources: Resources) -> int:
    """Return the number of batches that run at a time. Raises: UsageError if jobs or timeout are not positive."""
    jobs = default_jobs(plan) if resources.jobs is None else resources.jobs
    if jobs < 1 or (resources.timeout is not None and resources.timeout <= 0):
        raise UsageError(
            f"jobs ({jobs}) and timeout ({resources.timeout}) must be positive; omit them for their defaults"
        )
    return jobs


def start_workers(catalog: Catalog, executor: str, jobs: int) -> Workers:
    """Return the workers of a registered executor, to be used as a context manager."""
    return Workers(catalog.entry("executors", executor).implementation(jobs))
