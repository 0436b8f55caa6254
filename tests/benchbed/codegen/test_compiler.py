"""Sources are compiled once a machine, cached on disk, and loaded."""

import os
import subprocess
import sys
import tempfile

import pytest

from benchbed.codegen import compiler
from benchbed.codegen.compiler import load
from benchbed.codegen.errors import CompilationError

pytestmark = pytest.mark.slow

SOURCE = 'extern "C" int answer() { return %d; }\n'
LOAD_IN_CHILD = f"from benchbed.codegen.compiler import load; print(load({SOURCE % 7!r}).answer())"


@pytest.fixture(autouse=True)
def isolated_cache(monkeypatch, tmp_path):
    """Cache libraries in a folder of the test, and look for the compiler anew."""
    functions = compiler.compiler_path, compiler._target
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(compiler, "_timeouts", [])
    for function in functions:
        function.cache_clear()
    yield
    for function in functions:
        function.cache_clear()


@pytest.fixture
def compiled_sources(monkeypatch):
    """Collect the sources that are compiled."""
    sources, compile_source = [], compiler._compile

    def record(source, library, flags):
        sources.append(source)
        return compile_source(source, library, flags)

    monkeypatch.setattr(compiler, "_compile", record)
    return sources


def cached_library(tmp_path):
    """Return the only library in the cache."""
    (library,) = (tmp_path / "cache" / "benchbed" / "programs").iterdir()
    return library


def test_source_is_compiled_once(compiled_sources):
    """The second load of an equal source comes from the cache."""
    assert [load(SOURCE % number).answer() for number in (7, 7, 8)] == [7, 7, 8]
    assert compiled_sources == [SOURCE % 7, SOURCE % 8]


def test_another_compiler_or_processor_compiles_again(compiled_sources, monkeypatch):
    """Machines may share a cache folder, and a compiler may be updated."""
    load(SOURCE % 7)
    monkeypatch.setattr(compiler, "_target", lambda: "#define __OTHER__ 1")
    load(SOURCE % 7)
    assert compiled_sources == [SOURCE % 7] * 2


def test_another_process_loads_from_the_cache():
    """It calls the compiler only for its predefined macros."""
    load(SOURCE % 7)
    code = (
        "from benchbed.codegen import compiler\n"
        "def fail(*arguments):\n"
        "    raise AssertionError('compiled again')\n"
        "compiler._compile = fail\n"
        f"print(compiler.load({SOURCE % 7!r}).answer())"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout) == (0, "7\n"), process.stderr


def test_processes_may_compile_the_same_source_at_once(tmp_path):
    """Each moves a complete library into place."""
    processes = [
        subprocess.Popen([sys.executable, "-c", LOAD_IN_CHILD], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate()[0] for process in processes] == ["7\n"] * 3
    assert cached_library(tmp_path).suffix == ".so"


@pytest.mark.parametrize("size", [0, 100, 5_000], ids=["empty", "header", "truncated"])
def test_truncated_library_is_compiled_again(compiled_sources, tmp_path, size):
    """A disk may be full, or a machine may stop during the write; loading a truncated library may crash the process."""
    # A child compiles, so that this process has not loaded the library yet.
    subprocess.run([sys.executable, "-c", LOAD_IN_CHILD], check=True, capture_output=True)
    library = cached_library(tmp_path)
    library.write_bytes(library.read_bytes()[:size])
    assert load(SOURCE % 7).answer() == 7
    assert len(compiled_sources) == 1
    assert load(SOURCE % 7).answer() == 7
    assert len(compiled_sources) == 1


def test_corrupt_library_is_compiled_again(compiled_sources, tmp_path):
    """One changed bit is detected."""
    subprocess.run([sys.executable, "-c", LOAD_IN_CHILD], check=True, capture_output=True)
    content = bytearray(cached_library(tmp_path).read_bytes())
    content[2_000] ^= 1
    cached_library(tmp_path).write_bytes(content)
    assert load(SOURCE % 7).answer() == 7
    assert len(compiled_sources) == 1


def test_temporary_folder_is_used_if_the_cache_is_not_writable(tmp_path):
    """Here the cache folder is a file, to which not even root can add."""
    (tmp_path / "cache").write_text("a file")
    assert load(SOURCE % 7).answer() == 7
    (folder,) = (tmp_path / "tmp").iterdir()
    assert folder.name == f"benchbed-{os.getuid()}"
    assert len(list(folder.iterdir())) == 1


def test_temporary_folder_is_used_without_a_home_directory(tmp_path, monkeypatch):
    """As for some services; a relative XDG_CACHE_HOME is ignored."""

    def fail():
        raise RuntimeError("no home")

    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setattr(compiler.Path, "home", fail)
    assert load(SOURCE % 7).answer() == 7
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    assert not (tmp_path / "relative").exists()


def test_folders_that_others_can_write_to_are_rejected(tmp_path):
    """Libraries in them would be executed."""
    cache = tmp_path / "cache" / "benchbed" / "programs"
    temporary = tmp_path / "tmp" / f"benchbed-{os.getuid()}"
    for folder in (cache, temporary):
        folder.mkdir(parents=True)
        folder.chmod(0o777)
    message = r"no compiled library could be stored and loaded: other users can write to .*benchbed-\d+"
    with pytest.raises(CompilationError, match=message):
        load(SOURCE % 7)


@pytest.mark.parametrize(
    ("path", "compiler_name", "message"),
    [
        ("/nowhere", "", r"no C\+\+ compiler found; install one, such as g\+\+"),
        (None, "false", "false: "),
    ],
    ids=["missing", "failing"],
)
def test_missing_compiler_raises(monkeypatch, path, compiler_name, message):
    """The message asks for an installation, or names the compiler that failed."""
    monkeypatch.setenv("PATH", path or os.environ["PATH"])
    monkeypatch.setenv("CXX", compiler_name)
    with pytest.raises(CompilationError, match=message):
        load(SOURCE % 7)


def test_invalid_source_raises_with_the_compilers_message():
    """The message is the compiler's path and the first line with an error, not cut."""
    name = "undeclared_" * 40
    with pytest.raises(CompilationError, match=rf"^[^\n]+: <stdin>:\d+:\d+: error: [^\n]*{name}[^\n]*$"):
        load(f"int call() {{ return {name}; }}")


def test_library_of_another_source_is_compiled_again(compiled_sources, tmp_path):
    """It is intact, but under a name that is not its own."""
    for number in (7, 8):
        code = LOAD_IN_CHILD.replace("return 7", f"return {number}")
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    first, second = (tmp_path / "cache" / "benchbed" / "programs").iterdir()
    first_content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(first_content)
    assert (load(SOURCE % 7).answer(), load(SOURCE % 8).answer()) == (7, 8)
    assert compiled_sources == [SOURCE % 7, SOURCE % 8]


@pytest.mark.parametrize("change", ["writable by others", "a link", "a pipe"])
def test_library_that_others_may_have_written_is_compiled_again(compiled_sources, tmp_path, change):
    """Nothing is read from it."""
    subprocess.run([sys.executable, "-c", LOAD_IN_CHILD], check=True, capture_output=True)
    library = cached_library(tmp_path)
    if change == "writable by others":
        library.chmod(0o777)
    else:
        library.rename(tmp_path / "elsewhere.so")
        library.symlink_to(tmp_path / "elsewhere.so") if change == "a link" else os.mkfifo(library)
    assert load(SOURCE % 7).answer() == 7
    assert len(compiled_sources) == 1
    assert library.lstat().st_mode & 0o022 == 0


def test_libraries_are_private_under_any_umask(compiled_sources):
    """Otherwise they would be compiled again each time."""
    umask = os.umask(0)
    try:
        assert [load(SOURCE % 7).answer(), load(SOURCE % 7).answer()] == [7, 7]
    finally:
        os.umask(umask)
    assert len(compiled_sources) == 1


def fake_compiler(tmp_path, monkeypatch, script):
    path = tmp_path / "fake-compiler"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("CXX", str(path))


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 3", "fake-compiler: exit code 3"),
        ("printf '\\377\\376' >&2; exit 1", "fake-compiler: \ufffd\ufffd"),
        (
            'while [ $# -gt 0 ]; do [ "$1" = -o ] && echo garbage > "$2"; shift; done; true',
            "fake-compiler wrote no library",
        ),
        ("exit 0", "fake-compiler wrote no library"),
        ('exec g++ "$@" -Dadvance=other -Danswer=other', "undefined symbol: answer"),
    ],
    ids=["fails", "fails without UTF-8", "writes garbage", "writes nothing", "writes another function"],
)
def test_output_of_a_broken_compiler_is_not_kept(tmp_path, monkeypatch, script, message):
    """A working one with the same macros would otherwise load it."""
    fake_compiler(tmp_path, monkeypatch, script)
    with pytest.raises(CompilationError, match=message):
        load(SOURCE % 7)
    assert list(tmp_path.rglob("*.so")) == []


def test_compiler_that_hangs_is_killed_with_its_processes(tmp_path, monkeypatch):
    """The process waits for it once."""
    fake_compiler(tmp_path, monkeypatch, f"sleep 100 & echo $! > {tmp_path}/pid; wait")
    monkeypatch.setattr(compiler, "PROBE_SECONDS", 0.5)
    for _ in range(2):
        with pytest.raises(CompilationError, match=r"fake-compiler took longer than 0\.5 s"):
            load(SOURCE % 7)
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", (tmp_path / "pid").read_text()],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert state.strip() in ("", "Z", "Zs")


def test_file_that_is_no_program_is_no_compiler(tmp_path, monkeypatch):
    """It is executable, but has no format that the system knows."""
    fake_compiler(tmp_path, monkeypatch, "")
    (tmp_path / "fake-compiler").write_bytes(b"\x7fELF not really")
    with pytest.raises(CompilationError, match="fake-compiler cannot be run: Exec format error"):
        load(SOURCE % 7)
