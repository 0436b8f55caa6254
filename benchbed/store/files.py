"""Write files so that they exist whole or not at all."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

from benchbed.errors import StudyFolderError

TEMPORARY = ".partial"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file beside `path`, flush it to the disk, and rename it.

    Raises: StudyFolderError, naming the path and the space left, if the disk is full or refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=TEMPORARY)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner can read
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)
    except OSError as error:
        raise StudyFolderError(_explain(path, error)) from error


def _explain(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        free = shutil.disk_usage(path.parent).free if path.parent.exists() else 0
        return f"cannot write {path}: the disk is full ({free} bytes left); make room and run the same line again"
    return f"cannot write {path}: {error.strerror}; choose a folder that can be written by -O"


def _flush_folder(folder: Path) -> None:
    # A rename is durable only once the folder's own entry is on the disk.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
