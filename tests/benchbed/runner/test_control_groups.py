"""Folders of control groups, from files as in /proc and /sys."""

import pytest

from benchbed.runner import control_groups


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ("0::/slurm/job\n", [(2, "slurm/job"), (2, "slurm"), (2, ".")]),
        ("0::/\n", [(2, ".")]),
        ("3:cpu,cpuacct:/a\n", [(1, "cpu/a"), (1, "cpu")]),
        ("3:cpu,cpuacct:/a\n0::/b\n", [(1, "cpu/a"), (1, "cpu"), (2, "b"), (2, ".")]),
        ("3:cpuacct:/a\n2:name=systemd:/b:c\n", []),
    ],
    ids=["nested", "container", "version 1", "both versions", "other controllers"],
)
def test_a_group_and_those_around_it_are_listed(monkeypatch, tmp_path, groups, expected):
    """The innermost first, up to the folder of all groups."""
    (tmp_path / "groups-of-process").write_text(groups)
    monkeypatch.setattr(control_groups, "GROUPS", tmp_path)
    monkeypatch.setattr(control_groups, "GROUPS_OF_PROCESS", tmp_path / "groups-of-process")
    listed = [
        (version, str(folder.relative_to(tmp_path)))
        for version, folder in control_groups.group_folders("cpu")
    ]
    assert listed == expected


def test_a_system_without_groups_has_none(monkeypatch, tmp_path):
    """Such as macOS."""
    monkeypatch.setattr(control_groups, "GROUPS_OF_PROCESS", tmp_path / "missing")
    assert list(control_groups.group_folders("cpu")) == []
