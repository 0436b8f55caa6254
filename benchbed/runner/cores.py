"""Number of processor cores that this process may use."""

import contextlib
import os
from collections.abc import Iterator

from benchbed.runner.control_groups import group_folders


def usable_cores() -> int:
    """Return the number of cores that this process may use, at least 1.

    These are the cores of its affinity, which `taskset`, Slurm and cpusets restrict, and at most the smallest quota of
    its control groups, by which containers limit time on any cores. A quota of 1.5 cores is rounded up to 2, so that
    all of it is used. Systems without affinity, such as macOS, report all cores.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([affinity, *_quotas()]))


def _quotas() -> Iterator[int]:
    """Yield the quota in cores, rounded up, of each control group that has one."""
    for version, folder in group_folders("cpu"):
        names = ("cpu.max",) if version == 2 else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        with contextlib.suppress(OSError, ValueError):  # a file is missing, or contains "max"
            quota, period = (int(number) for name in names for number in (folder / name).read_text().split())
            if quota > 0:  # -1 for no quota
                yield -(-quota // period)
