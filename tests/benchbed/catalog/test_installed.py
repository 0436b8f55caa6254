"""Metadata is read once a folder, and again after an installation."""

import os
import sys

from benchbed.catalog.installed import installations, installed_in


def install(folder, name, version="1.0", record=None):
    """Write the metadata of a distribution as an installer does, and a later time of change of the folder."""
    information = folder / f"{name}-{version}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8"
    )
    if record is not None:
        (information / "RECORD").write_text(record, "utf-8")
    later = folder.stat().st_mtime_ns + 1_000_000_000
    os.utime(folder, ns=(later, later))


def test_distributions_own_the_files_of_their_record(tmp_path):
    """A name alone owns nothing, except in an operating system's folder of packages."""
    install(tmp_path, "one", record="space/first.py,sha256=abc,0\none-1.0.dist-info/METADATA,,\n")
    (one,) = installed_in(tmp_path)
    assert (one.name, one.version) == ("one", "1.0")
    assert one.owns("space/first.py")
    assert not one.owns("space/first")
    assert not one.owns("one.py")
    install(tmp_path / "dist-packages", "My.Tools")
    (tools,) = installed_in(tmp_path / "dist-packages")
    assert tools.record is None
    assert tools.is_named_after("my_tools")
    assert tools.owns("my_tools/__init__.py")


def test_a_folder_is_read_again_after_an_installation(tmp_path):
    """In between it is read once; a folder that is not there has no distributions."""
    assert installed_in(tmp_path / "missing") == ()
    install(tmp_path, "one")
    assert installed_in(tmp_path) is installed_in(tmp_path)
    install(tmp_path, "two")
    assert {owner.name for owner in installed_in(tmp_path)} == {"one", "two"}


def test_installations_are_those_of_folders_with_distributions(tmp_path, monkeypatch):
    """Another installation changes them, and the results beside a script do not."""
    packages, script = tmp_path / "packages", tmp_path / "script"
    script.mkdir()
    install(packages, "one")
    monkeypatch.setattr(sys, "path", [str(script), str(packages), str(tmp_path / "missing")])
    before = installations()
    assert [folder for folder, _ in before] == [str(packages)]
    (script / "results").mkdir()
    assert installations() == before
    install(packages, "two")
    assert installations() != before
