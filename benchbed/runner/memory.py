"""Memory of processes and of the machine, as Linux reports it."""

import contextlib
import os
import re
import resource
import sys
from pathlib import Path

from benchbed.catalog.names import quoted
from benchbed.errors import UsageError
from benchbed.formatting import format_bytes
from benchbed.runner.control_groups import group_folders

LEAST_BYTES = 512 << 20
"""The smallest limit: a process needs half of it for torch."""
SHARE = 0.9
"""Share of the memory of the machine that processes use together by default."""
LEAST_DEFAULT_BYTES = 2 << 30
"""A default limit is not smaller: batches are made to fit into less."""
_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([KMGT])(?:i?B)?", re.IGNORECASE)
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_PAGE_BYTES = resource.getpagesize()


def is_supported() -> bool:
    """Return whether the memory of processes can be measured on this system."""
    return sys.platform == "linux" and Path("/proc/self/statm").exists()


def total_bytes() -> int:
    """Return the memory of the machine, or the least limit of the control groups of this process if it is smaller."""
    limits = [os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES]
    for version, folder in group_folders("memory"):
        name = "memory.max" if version == 2 else "memory.limit_in_bytes"
        with contextlib.suppress(OSError, ValueError):  # the file is missing, or contains "max"
            limits.append(int((folder / name).read_text()))
    return min(limits)


def available_bytes() -> int:
    """Return the memory that all processes of a study may use together."""
    return int(SHARE * total_bytes())


def default_limit(jobs: int) -> int | None:
    """Return the limit of each of `jobs` processes, in bytes: a share of the machine; None if it cannot be watched."""
    if not is_supported():
        return None
    available = available_bytes()
    return min(available, max(LEAST_DEFAULT_BYTES, available // jobs))


def parse_limit(text: str) -> int:
    """Return the bytes of a text such as "4G" or "1.5GiB". Raises: UsageError if it is too small or not such a text."""
    match = _SIZE.fullmatch(text.strip())
    limit = int(float(match[1]) * _UNITS[match[2].upper()]) if match else 0
    if limit < LEAST_BYTES:
        raise UsageError(
            f"the memory of a process is {quoted(text)}; write a size of at least {format_bytes(LEAST_BYTES)}, such as "
            "4G or 750M"
        )
    if not is_supported():
        raise UsageError("the memory of processes cannot be limited on this system; leave out the limit")
    return limit


def used_bytes(process_id: int, limit: int) -> int:
    """Return the memory of a process and its descendants; 0 if it has ended.

    If it would exceed `limit`, pages that several processes share count in part for each of them. The result is at
    least the peak of the process itself.
    """
    used = resident_bytes(process_id)
    if used > limit:  # the kernel needs milliseconds for the shares
        used = sum(map(_proportional_bytes, _sizes(process_id)))
    return max(used, peak_bytes(process_id) or 0)


def resident_bytes(process_id: int) -> int:
    """Return the sum of the resident sizes of a process and its descendants; 0 if it has ended."""
    return sum(_sizes(process_id).values())


def _sizes(process_id: int) -> dict[int, int]:
    """Return the resident size of a process and of each of its descendants, by their numbers."""
    folder = Path("/proc", str(process_id))
    try:
        sizes = {process_id: int((folder / "statm").read_text().split()[1]) * _PAGE_BYTES}
        children = [
            int(child) for file in folder.glob("task/*/children") for child in file.read_text().split()
        ]
    except OSError:
        return {}
    for child in children:
        sizes |= _sizes(child)
    return sizes


def _proportional_bytes(process_id: int) -> int:
    """Return the size of a process with its share of each page; its resident size where the kernel hides the shares."""
    return _size("Pss", process_id, "smaps_rollup") or _size("VmRSS", process_id)


def reset_peak() -> None:
    """Let `peak_bytes` start from the present size; without effect where the kernel does not allow it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes(process_id: int | None = None) -> int | None:
    """Return the largest resident size of a process since its `reset_peak`; None if the system does not report it.

    `process_id` is None for this process.
    """
    return _size("VmHWM", process_id) or None


def refuse_allocations(limit: int) -> None:
    """Let the kernel refuse allocations that would take this process far beyond `limit` bytes.

    Twice the limit is allowed, because stacks of threads are allocated and hardly used.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = _size("VmData") + 2 * limit
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _size(name: str, process_id: int | None = None, file: str = "status") -> int:
    """Return a size of a process in bytes, None for this one; 0 if the system does not report it."""
    with contextlib.suppress(OSError):
        folder = Path("/proc", "self" if process_id is None else str(process_id))
        for line in (folder / file).read_text().splitlines():
            key, _, value = line.partition(":")
            if key == name:
                return int(value.split()[0]) * 1024
    return 0
