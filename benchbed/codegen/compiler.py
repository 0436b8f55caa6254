"""Compilation of C++ sources to shared libraries, which are cached on disk."""

import contextlib
import ctypes
import functools
import hashlib
import os
import re
import shutil
import signal
import stat
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

PROBE_SECONDS = 10
COMPILATION_SECONDS = 60
"""Time limits of the compiler, many times what it takes."""


def load(source: str, *flags: str) -> ctypes.CDLL:
    """Load the library of a C++ source, which is compiled at most once a machine.

    A library is loaded only if this user wrote it for this source: owner, permissions and a checksum are checked, and
    it is compiled again otherwise. Raises CompilationError if it cannot be compiled or stored.
    """
    target = usable_target()
    key = hashlib.sha256("\n".join((source, *FLAGS, *flags, target)).encode()).hexdigest()
    for folder in _private_folders("programs"):
        library = folder / f"{key}.so"
        try:
            _make_private(folder)
            if _is_own(library):
                return ctypes.CDLL(str(library))
            return _compile(source, library, flags)
        except OSError as error:
            failure = error
    raise CompilationError(f"no compiled library could be stored and loaded: {failure}")


def private_folder(name: str) -> Path:
    """Return a cache folder to which no other user can write, created if it is missing.

    Raises CompilationError if there is none.
    """
    for folder in _private_folders(name):
        try:
            _make_private(folder)
            return folder
        except OSError as error:
            failure = error
    raise CompilationError(f"no folder for compiled code: {failure}")


def usable_target() -> str:
    """Return the macros that the compiler predefines, which identify it and the processor.

    Raises CompilationError without a compiler that works; the first failure of a process stands.
    """
    target = _target()
    if isinstance(target, CompilationError):
        raise target
    return target


def _private_folders(name: str) -> list[Path]:
    """Return the user's cache, and a temporary folder if that cannot be used."""
    suffix = "" if name == "programs" else f"-{name}"
    folders = [Path(tempfile.gettempdir()) / f"benchbed-{os.getuid()}{suffix}"]
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    with contextlib.suppress(RuntimeError):  # no home directory
        cache = configured if configured.is_absolute() else Path.home() / ".cache"
        folders.insert(0, cache / "benchbed" / name)
    return folders


def _make_private(folder: Path) -> None:
    """Create a folder if it is missing. Raises OSError if other users may write to it: its libraries are executed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_private(folder.stat()):
        raise PermissionError(f"other users can write to {folder}")


def _is_private(status: os.stat_result) -> bool:
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def _is_own(library: Path) -> bool:
    """Return whether a library was stored by `_compile` under this name and not changed: others may crash or lie."""
    with contextlib.suppress(OSError):
        status = library.lstat()
        if stat.S_ISREG(status.st_mode) and _is_private(status):
            content = library.read_bytes()
            return content[-32:] == _checksum(content[:-32], library.name)
    return False


def _checksum(content: bytes, name: str) -> bytes:
    return hashlib.sha256(content + name.encode()).digest()


def _compile(source: str, library: Path, flags: tuple[str, ...]) -> ctypes.CDLL:
    """Compile and load a source, append a checksum, which the loader ignores, and move the library into place."""
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        output = Path(folder) / library.name
        # Libraries come after the source, as linkers drop those that nothing before them needs.
        run_compiler(*FLAGS, "-o", str(output), "-", *flags, source=source)
        content = output.read_bytes() if output.exists() else b""
        if not content.startswith((b"\x7fELF", b"\xcf\xfa\xed\xfe")):  # the beginnings on Linux and macOS
            raise CompilationError(f"{compiler_path()} wrote no library")
        try:
            output.write_bytes(content + _checksum(content, library.name))
            output.chmod(0o700)
            loaded = ctypes.CDLL(str(output))
            for name in re.findall(r'extern "C" \w+ (\w+)\(', source):
                getattr(loaded, name)
        except AttributeError as error:
            raise CompilationError(f"{compiler_path()} wrote an incomplete library: {error}") from error
        output.replace(library)
    return loaded


@functools.cache
def compiler_path() -> str:
    """Return the path of the C++ compiler."""
    for name in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        if name and (path := shutil.which(name)):
            return path
    raise CompilationError("no C++ compiler found; install one, such as g++, or name it in CXX")


@functools.cache
def _target() -> str | CompilationError:
    try:
        return run_compiler("-march=native", "-dM", "-E", "-x", "c++", "-", source="", seconds=PROBE_SECONDS)
    except CompilationError as error:
        return error


def run_compiler(
    *arguments: str, source: str = "", seconds: float = COMPILATION_SECONDS, folder: str | None = None
) -> str:
    """Run the compiler in a folder on a source from stdin, and return its stdout.

    Raises CompilationError if it fails or takes too long; the processes that it started are then killed.
    """
    if _timeouts:
        raise _timeouts[0]
    try:
        process = subprocess.Popen(
            [compiler_path(), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            encoding="utf-8", errors="replace", start_new_session=True, cwd=folder,
        )  # fmt: skip
    except OSError as error:
        raise CompilationError(f"{compiler_path()} cannot be run: {error.strerror}") from error
    with process:
        try:
            output, errors = process.communicate(source, seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            _timeouts.append(CompilationError(f"{compiler_path()} took longer than {seconds} s"))
            raise _timeouts[0] from None
    if process.returncode:
        lines = [line.strip() for line in errors.splitlines() if line.strip()]
        error_lines = [line for line in lines if "error" in line] or lines
        message = error_lines[0] if error_lines else f"exit code {process.returncode}"
        raise CompilationError(f"{compiler_path()}: {message}")
    return output


_timeouts: list[CompilationError] = []
"""The first time limit that the compiler exceeded in this process, which then does not wait for it again."""
