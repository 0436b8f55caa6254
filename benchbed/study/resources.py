"""Say how a study is run, which no result may depend on."""

import os
from typing import NamedTuple

from benchbed.catalog import Catalog
from benchbed.errors import UsageError
from benchbed.plan import Plan
from benchbed.runner.workers import Workers


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


def jobs_of(plan: Plan, resources: Resources) -> int:
    """Say how many batches run at a time. Raises: UsageError where what was asked for is not positive."""
    jobs = default_jobs(plan) if resources.jobs is None else resources.jobs
    if jobs < 1 or (resources.timeout is not None and resources.timeout <= 0):
        raise UsageError("jobs and timeout must be positive; leave them out for their defaults")
    return jobs


def start_workers(catalog: Catalog, executor: str, jobs: int) -> Workers:
    """Return the workers of a registered executor, to be used as a context manager."""
    return Workers(catalog.entry("executors", executor).implementation(jobs))
