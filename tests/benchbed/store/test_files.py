"""A file exists completely or not at all."""

import errno
import os

import pytest

from benchbed.errors import StudyFolderError
from benchbed.store.files import write_atomically


def test_a_file_is_written_with_its_folders(tmp_path):
    """Missing parent folders are created."""
    write_atomically(tmp_path / "a" / "b", b"content")
    assert (tmp_path / "a" / "b").read_bytes() == b"content"
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a" / "b"]


def test_the_mode_of_a_file_follows_the_umask(tmp_path):
    """It is as readable as any other file."""
    (tmp_path / "ordinary").write_text("")
    write_atomically(tmp_path / "atomic", b"")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


@pytest.fixture
def full_disk(monkeypatch):
    """Make the disk full when a file is flushed, as with delayed allocation."""

    def fail(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)


def test_a_full_disk_is_reported_with_the_path_and_the_free_space(full_disk, tmp_path):
    """The message tells how to continue."""
    with pytest.raises(
        StudyFolderError, match=r"cannot write .*/part: the disk is full \(\d+ bytes left\); free some space"
    ):
        write_atomically(tmp_path / "part", b"content")


def test_a_full_disk_leaves_the_old_file_unchanged(full_disk, tmp_path):
    """No other file is left either."""
    (tmp_path / "part").write_bytes(b"old")
    with pytest.raises(StudyFolderError):
        write_atomically(tmp_path / "part", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"part": b"old"}


def test_an_interrupt_while_writing_leaves_no_file(tmp_path, monkeypatch):
    """Ctrl-C may come at any moment."""

    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "part", b"new")
    assert list(tmp_path.iterdir()) == []
