"""Tasks of the tests of workers that need memory, importable by worker processes as `worker_tasks` is."""

import mmap
import os
import time

import msgspec

from benchbed.runner.memory import peak_bytes, resident_bytes
from benchbed.runner.supervisor import WATCH_SECONDS, limited_memory

_kept = []


class Block(msgspec.Struct):
    """A task with the size of a block that it has for a moment, and the memory that its process may have beside it."""

    size: int
    allowed: int


def have_block_for_a_moment(task) -> int:
    """Return the peak of this process, which has a limit of its size now and `allowed` bytes more."""
    block = msgspec.json.decode(task, type=Block)
    limit = resident_bytes(os.getpid()) + block.allowed
    with limited_memory(limit), mmap.mmap(-1, block.size, mmap.MAP_PRIVATE | mmap.MAP_POPULATE):
        pass
    return peak_bytes()


class Kept(msgspec.Struct):
    """A task with the size of a block that its process keeps, and the limit of the process."""

    size: int
    limit: int


def keep_block(task) -> list[int]:
    """Return the peak and the number of this process."""
    kept = msgspec.json.decode(task, type=Kept)
    with limited_memory(kept.limit):
        _kept.append(mmap.mmap(-1, kept.size, mmap.MAP_PRIVATE | mmap.MAP_POPULATE))
        return [peak_bytes(), os.getpid()]


def sleep_in_copies(task) -> int:
    """Return the peak of this process, beside four copies of it that sleep, if it may have half of its size more."""
    limit = resident_bytes(os.getpid()) * 3 // 2
    with limited_memory(limit):
        for _ in range(4):
            if not os.fork():
                time.sleep(5 * WATCH_SECONDS)
                os._exit(0)
        for _ in range(4):
            os.wait()
        return peak_bytes()


def fill_copies(task) -> int:
    """Start four copies of this process, which allocate 100 MiB each; together they may have 200 MiB more."""
    with limited_memory(resident_bytes(os.getpid()) + (200 << 20)):
        for _ in range(4):
            if not os.fork():
                _kept.append(mmap.mmap(-1, 100 << 20, mmap.MAP_PRIVATE | mmap.MAP_POPULATE))
                time.sleep(60)
        time.sleep(60)
        return peak_bytes()
