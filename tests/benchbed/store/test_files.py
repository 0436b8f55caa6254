"""Files exist whole or not at all."""

import errno
import os

import pytest

from benchbed.errors import StudyFolderError
from benchbed.store.files import write_atomically


def test_a_file_is_written_with_its_folders(tmp_path):
    """The folders above it are made."""
    write_atomically(tmp_path / "a" / "b", b"content")
    assert (tmp_path / "a" / "b").read_bytes() == b"content"
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a" / "b"]


def test_a_file_is_readable_as_any_other(tmp_path):
    """Its mode follows the umask."""
    (tmp_path / "plain").write_text("")
    write_atomically(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.fixture
def full_disk(monkeypatch):
    """Let the disk be full when a file is flushed to it, as with delayed allocation."""

    def refuse(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)


def test_a_full_disk_is_said_with_the_path_and_the_space_left(full_disk, tmp_path):
    """And with what to do."""
    with pytest.raises(
        StudyFolderError, match=r"cannot write .*/part: the disk is full \(\d+ bytes left\); make room"
    ):
        write_atomically(tmp_path / "part", b"content")


def test_a_full_disk_leaves_the_old_file_and_no_other(full_disk, tmp_path):
    """What was there before is as it was."""
    (tmp_path / "part").write_bytes(b"old")
    with pytest.raises(StudyFolderError):
        write_atomically(tmp_path / "part", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"part": b"old"}


def test_an_interrupt_while_writing_leaves_nothing(tmp_path, monkeypatch):
    """Ctrl-C may come at any moment."""

    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "part", b"new")
    assert list(tmp_path.iterdir()) == []
