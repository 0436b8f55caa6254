"""Tests of the memory of processes and of the machine."""

import os
import subprocess
import sys

import pytest

from benchbed.errors import UsageError
from benchbed.runner import memory

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


def test_the_limit_of_a_container_counts(monkeypatch, tmp_path):
    """It is smaller than the memory of the machine; the text max is no limit."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    (tmp_path / "limit").write_text("123456\n")
    (tmp_path / "none").write_text("max\n")
    for names, expected in ((["none", "missing"], machine), (["none", "limit"], 123456)):
        monkeypatch.setattr(memory, "_LIMIT_FILES", [str(tmp_path / name) for name in names])
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
    assert memory.resident_bytes(child.pid) == 0


@pytest.mark.skipif(not memory.is_supported(), reason="only Linux reports the memory of processes")
def test_the_peak_is_measured_anew():
    """A block that was freed before does not count."""
    block = b"x" * 200_000_000
    high = memory.peak_bytes()
    del block
    memory.reset_peak()
    assert high - memory.peak_bytes() > 100_000_000
