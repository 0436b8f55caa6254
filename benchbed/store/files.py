"""Atomic writes: a file exists completely or not at all."""

import errno
import os
import secrets
import shutil
from pathlib import Path

from benchbed.errors import StudyFolderError

TEMPORARY = ".partial"
"""Suffix of the files that are being written."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file beside `path`, flush it to the disk, and rename it.

    Raises: StudyFolderError with the path, and the free space if the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # a rename is durable only after the entry of the folder is on the disk
        finally:
            os.close(folder)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            free = shutil.disk_usage(path.parent).free if path.parent.exists() else 0
            message = f"the disk is full ({free} bytes left); free some space and run the same command again"
        else:
            message = f"{error.strerror}; choose a writable folder with -O"
        raise StudyFolderError(f"cannot write {path}: {message}") from error
