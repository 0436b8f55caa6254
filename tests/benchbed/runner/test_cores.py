"""Usable cores, from counts and files of other machines."""

import os

import pytest

from benchbed.runner import control_groups
from benchbed.runner.cores import usable_cores


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Return a function that pretends a number of cores in the affinity, and control groups with files."""

    def pretend(cores, groups="", files=()):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
        (tmp_path / "groups-of-process").write_text(groups)
        for name, text in dict(files).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(f"{text}\n")
        monkeypatch.setattr(control_groups, "GROUPS", tmp_path)
        monkeypatch.setattr(control_groups, "GROUPS_OF_PROCESS", tmp_path / "groups-of-process")

    return pretend


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("", {}, 192),
        ("0::/\n", {"cpu.max": "max 100000"}, 192),
        ("0::/\n", {"cpu.max": "200000 100000"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000"}, 2),
        ("0::/\n", {"cpu.max": "50000 100000"}, 1),
        ("0::/\n", {"cpu.max": "40000000 100000"}, 192),
        ("0::/pod/job\n", {"pod/job/cpu.max": "800000 100000", "pod/cpu.max": "400000 100000"}, 4),
        ("0::/pod/job\n", {"pod/job/cpu.max": "max 100000", "pod/cpu.max": "400000 100000"}, 4),
        ("0::/host/path\n", {"cpu.max": "300000 100000"}, 3),
        ("4:cpu,cpuacct:/a\n", {"cpu/a/cpu.cfs_quota_us": 600000, "cpu/a/cpu.cfs_period_us": 100000}, 6),
        ("4:cpu,cpuacct:/a\n", {"cpu/a/cpu.cfs_quota_us": -1, "cpu/a/cpu.cfs_period_us": 100000}, 192),
        ("4:memory:/a\n", {"cpu/a/cpu.cfs_quota_us": 600000, "cpu/a/cpu.cfs_period_us": 100000}, 192),
    ],
    ids=[
        "no groups", "no quota", "2 cores", "1.5 cores", "half a core", "more than the machine has", "outer group",
        "only an outer group", "container that lists the path of its host", "version 1", "version 1 without quota",
        "group of another controller",
    ],
)  # fmt: skip
def test_a_quota_limits_the_cores_of_a_large_machine(machine, groups, files, expected):
    """The smallest one of a group and of those around it."""
    machine(192, groups, files)
    assert usable_cores() == expected


def test_the_affinity_limits_the_cores(machine):
    """A quota above it changes nothing."""
    machine(4, "0::/\n", {"cpu.max": "1600000 100000"})
    assert usable_cores() == 4


def test_a_system_without_affinity_uses_all_cores(monkeypatch, tmp_path):
    """Such as macOS."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    monkeypatch.setattr(control_groups, "GROUPS_OF_PROCESS", tmp_path / "missing")
    assert usable_cores() == 10
