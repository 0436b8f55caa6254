"""Tests of the memory of processes and of the machine."""

import os
import subprocess
import sys

import pytest

from benchbed.errors import UsageError
from benchbed.runner import control_groups, memory

GIB = 1 << 30


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4G", 4 * GIB), ("1.5g", 3 * GIB // 2), ("2 GiB", 2 * GIB), ("750MB", 750 << 20), ("1T", 1024 * GIB)],
)
def test_a_limit_is_parsed(text, expected):
    """Units are powers of 1024."""
    assert memory.parse_limit(text) == expected


@pytest.mark.parametrize("text", ["", "4", "G", "-4G", "0G", "511M", "4X", "4GG", "nan", "1e3G"])
def test_another_text_is_not_a_limit(text):
    """The message contains the smallest one."""
    with pytest.raises(UsageError, match="at least 512 MiB"):
        memory.parse_limit(text)


@pytest.mark.parametrize(
    ("total", "jobs", "expected"),
    [(20 * GIB, 2, 9 * GIB), (20 * GIB, 100, 2 * GIB), (GIB, 4, 0.9 * GIB)],
    ids=["a share", "at least 2 GiB", "never more than the machine has"],
)
def test_the_default_is_a_share_of_the_machine(monkeypatch, total, jobs, expected):
    """All processes together leave a tenth, unless there are so many that each would have too little."""
    monkeypatch.setattr(memory, "total_bytes", lambda: total)
    assert memory.default_limit(jobs) == pytest.approx(expected)


MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("groups", "limits", "expected"),
    [
        ("0::/slurm/job\n", {"slurm/job/memory.max": "max", "slurm/memory.max": "5000"}, 5000),
        ("0::/slurm/job\n", {"slurm/job/memory.max": "4000", "slurm/memory.max": "5000"}, 4000),
        ("0::/\n", {"memory.max": "3000"}, 3000),
        ("0::/host/path\n", {"memory.max": "3000"}, 3000),
        ("4:cpu,memory:/a\n0::/\n", {"memory/a/memory.limit_in_bytes": "2000"}, 2000),
        ("4:cpu:/a\n", {"memory/a/memory.limit_in_bytes": "2000"}, MACHINE),
        ("0::/\n", {"memory.max": "max"}, MACHINE),
        ("0::/\n", {"memory.max": str(2 * MACHINE)}, MACHINE),
        ("", {"memory.max": "3000"}, MACHINE),
    ],
    ids=[
        "outer group", "inner group", "container", "container that lists the path of its host", "version 1",
        "group of another controller", "no limit", "more than the machine has", "no groups",
    ],
)  # fmt: skip
def test_the_limit_of_a_control_group_counts(monkeypatch, tmp_path, groups, limits, expected):
    """The least limit of a group and of those around it."""
    (tmp_path / "groups-of-process").write_text(groups)
    for name, text in limits.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    monkeypatch.setattr(control_groups, "GROUPS", tmp_path)
    monkeypatch.setattr(control_groups, "GROUPS_OF_PROCESS", tmp_path / "groups-of-process")
    assert memory.total_bytes() == expected


@pytest.mark.skipif(not memory.is_supported(), reason="only Linux reports the memory of processes")
def test_the_memory_of_children_counts():
    """A child of this process holds 100 MB."""
    before = memory.resident_bytes(os.getpid())
    program = "import sys; block = b'x' * 100_000_000; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        assert memory.resident_bytes(os.getpid()) - before > 100_000_000
        child.stdin.close()


def test_a_process_that_has_ended_has_no_memory():
    """A watch may look at it."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert memory.resident_bytes(child.pid) == memory.used_bytes(child.pid, -1) == 0


@pytest.mark.skipif(not memory.is_supported(), reason="only Linux reports the memory of processes")
def test_the_resident_size_counts_where_the_kernel_hides_shares(monkeypatch):
    """As old kernels do, and containers with a strict policy."""
    size = memory._size
    monkeypatch.setattr(memory, "_size", lambda name, *rest: 0 if name == "Pss" else size(name, *rest))
    block = b"x" * 100_000_000
    assert memory.used_bytes(os.getpid(), 0) > len(block)


@pytest.mark.skipif(not memory.is_supported(), reason="only Linux reports the memory of processes")
def test_the_peak_is_measured_anew():
    """A block that was freed before does not count."""
    block = b"x" * 200_000_000
    high = memory.peak_bytes()
    del block
    memory.reset_peak()
    assert high - memory.peak_bytes() > 100_000_000
