"""The lock of a study folder, which notices that the folder or the lock file was replaced."""

import os
from pathlib import Path

import filelock

from benchbed.errors import StudyFolderError

NAME = ".lock"


class FolderLock:
    """Keeps other processes from writing to a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._file = folder, folder / NAME
        self._lock = filelock.FileLock(self._file, timeout=0)
        self._identities: list[tuple[int, int]] = []

    def acquire(self, advice: str) -> None:
        """Create the folder if it is missing, and lock it. Raises: StudyFolderError with `advice` if that fails."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._file.is_symlink() or (self._file.exists() and not self._file.is_file()):
                raise StudyFolderError(
                    f"{self._file} is not a regular file; remove it and run the command again"
                )
            self._lock.acquire()
            self._identities = self._named_now()
        except filelock.Timeout as error:
            raise StudyFolderError(
                f"{self._folder} is in use by another benchbed; wait for it, or choose another folder"
            ) from error
        except OSError as error:
            raise StudyFolderError(f"cannot use {self._folder}: {error.strerror}; {advice}") from error

    def release(self) -> None:
        """Unlock the folder."""
        self._identities = []
        self._lock.release()

    def check(self) -> None:
        """Check that the path still names the locked folder, and its lock file the one that this process holds.

        Raises: StudyFolderError if not: another process may write to the folder by now.
        """
        if not self._identities:
            return
        try:
            is_same = self._named_now() == self._identities
        except OSError:
            is_same = False
        if not is_same:
            raise StudyFolderError(
                f"{self._folder} or the file {NAME} in it was moved, removed or replaced while this command used it; "
                "finished trials are where it is now, and the same command continues with them"
            )

    def _named_now(self) -> list[tuple[int, int]]:
        """Return device and inode of the folder and of the lock file."""
        return [(status.st_dev, status.st_ino) for status in map(os.stat, (self._folder, self._file))]
