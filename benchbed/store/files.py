"""Atomic writes, and reads and moves that follow no link out of a folder."""

import errno
import os
import re
import secrets
import stat
from pathlib import Path

from benchbed.errors import StudyFolderError
from benchbed.seeds import digest

TEMPORARY = ".partial"
"""Suffix of the files that are being written."""
CHOOSE_ANOTHER = "choose a writable folder with -O"
"""Advice for a folder that cannot be written, for commands with that option."""
_LONGEST_NAME = 150
_PART_NUMBER = re.compile(r"([0-9]{1,15})-")


def write_atomically(path: Path, content: bytes, advice: str = CHOOSE_ANOTHER) -> None:
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
        raise StudyFolderError(f"cannot write {path}: {_cause(error, path, advice)}") from error


def _cause(error: OSError, path: Path, advice: str) -> str:
    """Describe why a file could not be written, and the remedy."""
    if error.errno == errno.EFBIG:
        return "a limit forbids files of this size; raise it (ulimit -f) and run the same command again"
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.strerror}; {advice}"
    space = os.statvfs(next(folder for folder in path.absolute().parents if folder.exists()))
    free = f"{space.f_bavail * space.f_frsize} bytes left"
    if error.errno == errno.EDQUOT:
        return f"the quota of the disk is used up ({free}); free some space and run the same command again"
    if space.f_files and not space.f_favail:
        return f"no more files fit on the disk ({free}, but no inode); remove some and run the same command again"
    return f"the disk is full ({free}); free some space and run the same command again"


def read_regular_file(path: Path, most_bytes: int | None = None) -> bytes:
    """Read a file that is neither a link nor a pipe or device. Raises: OSError if it is, or has more bytes."""
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a symbolic link")
    # A pipe without a writer would otherwise block.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:  # noqa: PTH123 (a descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        content = file.read(-1 if most_bytes is None else most_bytes + 1)
    if most_bytes is not None and len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"it has more than {most_bytes} bytes")
    return content


def inside(folder: Path, name: str) -> Path:
    """Return the path of a file in a folder. Raises: StudyFolderError if a link leads to it from elsewhere."""
    path = folder
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise StudyFolderError(f"{name!r} is not a path inside {folder}; the folder is damaged")
    for parent in Path(name).parts[:-1]:
        path /= parent
        if path.is_symlink():
            raise StudyFolderError(f"{path} is a symbolic link; replace it by the folder that it leads to")
    return folder / name


def unused(path: Path) -> Path:
    """Return the path, with a number before its suffix if it is taken."""
    number, candidate = 1, path
    while os.path.lexists(candidate):
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate


def file_name(name: str) -> str:
    """Return the name of a batch without separators of folders, and shortened if no file system allows it."""
    name = re.sub(r"[^\w.-]", "-", name)
    return name if len(name.encode()) <= _LONGEST_NAME else f"{name[:50]}-{digest(name)}"


def part_number(path: Path) -> int:
    """Return the number of a part; 0 if its name has none."""
    number = _PART_NUMBER.match(path.name)
    return int(number[1]) if number else 0
