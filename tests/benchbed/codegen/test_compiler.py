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
    functions = compiler._compiler, compiler._target
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
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
        compile_source(source, library, flags)

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
    message = r"no folder for a compiled library: other users can write to .*benchbed-\d+"
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
    """The message begins with the compiler's path."""
    with pytest.raises(CompilationError, match="error"):
        load("not C++")
