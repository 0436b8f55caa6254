"""Compile a program, keep it on disk, and load it."""

import contextlib
import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchbed.codegen.errors import CompilationError

FLAGS = (
    *("-x", "c++", "-std=c++17", "-O3", "-march=native", "-shared", "-fPIC"),
    # As torch has it: no sum is reordered, no product joined with a sum, what is not a number stays so. Only flags and
    # traps, which nobody reads, are given up; a square root is then an instruction.
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fwrapv", "-w"),
    # Copies that gcc 12 makes of loops load whole registers where rows do not lie at their bounds, and end the process.
    "-fno-tree-loop-distribute-patterns",
)


def load(source: str, *flags: str) -> ctypes.CDLL:
    """Load the library of a C++ source, compiled at most once a machine.

    Raises CompilationError where that cannot be done.
    """
    digest = hashlib.sha256("\n".join((source, *FLAGS, *flags, _machine())).encode()).hexdigest()
    for folder in _folders():
        library = folder / f"{digest}.so"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_foreign(folder)
            if not _is_whole(library):
                _compile(source, library, flags)
            return ctypes.CDLL(str(library))
        except OSError as error:
            failure = error
    raise CompilationError(f"no folder for a compiled program: {failure}")


def _folders() -> list[Path]:
    """Give where programs are kept, and where else if nothing can be written there."""
    folders = [Path(tempfile.gettempdir()) / f"benchbed-{os.getuid()}"]
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    with contextlib.suppress(RuntimeError):  # there is no home
        kept = named if named.is_absolute() else Path.home() / ".cache"
        folders.insert(0, kept / "benchbed" / "programs")
    return folders


def _refuse_foreign(folder: Path) -> None:
    """Raise OSError if others might have put a program there: it would be run."""
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise PermissionError(f"{folder} is open to others")


def _is_whole(library: Path) -> bool:
    """Tell whether a library is there as it was written; to load a part of one may end the process."""
    try:
        content = library.read_bytes()
    except FileNotFoundError:
        return False
    return content[-32:] == hashlib.sha256(content[:-32]).digest()


def _compile(source: str, library: Path, flags: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        made = Path(folder) / library.name
        done = subprocess.run(
            [_compiler(), *FLAGS, *flags, "-o", str(made), "-"],
            input=source,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CompilationError(f"{_compiler()}: {done.stderr.strip()[:300]}")
        content = made.read_bytes()
        # A loader reads no further than the library.
        made.write_bytes(content + hashlib.sha256(content).digest())
        made.replace(library)  # at once: whoever else looks sees the whole or nothing


@functools.cache
def _compiler() -> str:
    for name in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        if name and (path := shutil.which(name)):
            return path
    raise CompilationError("no C++ compiler; install one, such as g++, or name it by CXX")


@functools.cache
def _machine() -> str:
    """Name the compiler and the processor it compiles for: what it defines differs with either."""
    done = subprocess.run(
        [_compiler(), "-march=native", "-dM", "-E", "-x", "c++", "-"],
        input="", capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise CompilationError(f"{_compiler()}: {done.stderr.strip()[:300]}")
    return done.stdout
