"""Compilation of C++ sources to shared libraries, which are cached on disk."""

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
    # Arithmetic as in torch: no reordered sums, no fused multiply-adds, NaN propagates. Only errno and floating-point
    # traps, which nothing reads, are disabled, so that a square root is one instruction.
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fwrapv", "-w"),
    # gcc 12 would turn loops into copies with aligned vector loads, which crash on unaligned rows.
    "-fno-tree-loop-distribute-patterns",
)


def load(source: str, *flags: str) -> ctypes.CDLL:
    """Load the library of a C++ source, which is compiled at most once a machine.

    Raises CompilationError if it cannot be compiled or stored.
    """
    digest = hashlib.sha256("\n".join((source, *FLAGS, *flags, _target())).encode()).hexdigest()
    for folder in _cache_folders():
        library = folder / f"{digest}.so"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_private(folder)
            if not _is_intact(library):
                _compile(source, library, flags)
            return ctypes.CDLL(str(library))
        except OSError as error:
            failure = error
    raise CompilationError(f"no folder for a compiled library: {failure}")


def _cache_folders() -> list[Path]:
    """Return the folders for compiled libraries: the user's cache, and a temporary folder if that is not writable."""
    folders = [Path(tempfile.gettempdir()) / f"benchbed-{os.getuid()}"]
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    with contextlib.suppress(RuntimeError):  # no home directory
        cache = configured if configured.is_absolute() else Path.home() / ".cache"
        folders.insert(0, cache / "benchbed" / "programs")
    return folders


def _check_private(folder: Path) -> None:
    """Raise OSError if other users may write to a folder: its libraries are executed."""
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise PermissionError(f"other users can write to {folder}")


def _is_intact(library: Path) -> bool:
    """Return whether a library exists and matches its checksum: loading a truncated one may crash the process."""
    try:
        content = library.read_bytes()
    except FileNotFoundError:
        return False
    return content[-32:] == hashlib.sha256(content[:-32]).digest()


def _compile(source: str, library: Path, flags: tuple[str, ...]) -> None:
    """Compile a source, append a checksum, which the loader ignores, and move the library into place atomically."""
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        output = Path(folder) / library.name
        _run_compiler(*FLAGS, *flags, "-o", str(output), "-", source=source)
        content = output.read_bytes()
        output.write_bytes(content + hashlib.sha256(content).digest())
        output.replace(library)


@functools.cache
def _compiler() -> str:
    """Return the path of the C++ compiler."""
    for name in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        if name and (path := shutil.which(name)):
            return path
    raise CompilationError("no C++ compiler found; install one, such as g++, or name it in CXX")


@functools.cache
def _target() -> str:
    """Return the macros that the compiler predefines, which identify it and the processor."""
    return _run_compiler("-march=native", "-dM", "-E", "-x", "c++", "-", source="")


def _run_compiler(*arguments: str, source: str) -> str:
    """Run the compiler on a source from stdin, and return its stdout; raise CompilationError if it fails."""
    process = subprocess.run(
        [_compiler(), *arguments], input=source, capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise CompilationError(f"{_compiler()}: {process.stderr.strip()[:300]}")
    return process.stdout
