"""A program is compiled once a machine, kept on disk, and loaded; where it cannot be, steps are made in another way."""

import os
import subprocess
import sys
import tempfile

import pytest

from benchbed.codegen import compiler
from benchbed.codegen.compiler import load
from benchbed.codegen.errors import CompilationError

SOURCE = 'extern "C" int answer() { return %d; }\n'


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch, tmp_path):
    """Keep programs in a folder of the test, and forget the compiler before and after."""
    known = compiler._compiler, compiler._machine
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    for each in known:
        each.cache_clear()
    yield
    for each in known:
        each.cache_clear()


@pytest.fixture
def compiled(monkeypatch):
    """Collect the sources that are compiled."""
    sources, compile_ = [], compiler._compile

    def note(source, library, flags):
        sources.append(source)
        compile_(source, library, flags)

    monkeypatch.setattr(compiler, "_compile", note)
    return sources


def kept(tmp_path):
    """Give the only program in the cache."""
    (library,) = (tmp_path / "cache" / "benchbed" / "programs").iterdir()
    return library


def test_a_source_is_compiled_once_and_another_source_again(compiled):
    """What is loaded the second time comes from the disk."""
    assert [load(SOURCE % number).answer() for number in (7, 7, 8)] == [7, 7, 8]
    assert compiled == [SOURCE % 7, SOURCE % 8]


def test_another_compiler_or_processor_is_another_program(compiled, monkeypatch):
    """A folder may be shared by machines, and a compiler renewed."""
    load(SOURCE % 7)
    monkeypatch.setattr(compiler, "_machine", lambda: "#define __OTHER__ 1")
    load(SOURCE % 7)
    assert compiled == [SOURCE % 7] * 2


def test_another_process_compiles_nothing(tmp_path):
    """It finds the program, and needs no compiler but to be asked what it is."""
    load(SOURCE % 7)
    code = (
        "from benchbed.codegen import compiler\n"
        "def refuse(source, library):\n"
        "    raise AssertionError('compiled again')\n"
        "compiler._compile = refuse\n"
        f"print(compiler.load({SOURCE % 7!r}).answer())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "7\n"), done.stderr


def test_processes_that_compile_the_same_at_once_all_have_it(tmp_path):
    """Each writes beside and moves into place: nobody loads a part."""
    code = f"from benchbed.codegen.compiler import load; print(load({SOURCE % 7!r}).answer())"
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.communicate()[0] for process in running] == ["7\n"] * 3
    assert kept(tmp_path).suffix == ".so"


@pytest.mark.parametrize("left", [0, 100, 5_000], ids=["empty", "a header", "a part"])
def test_a_broken_program_is_compiled_again(compiled, tmp_path, left):
    """A disk may fill or a machine stop while it is written; to load a part may end the process."""
    code = f"from benchbed.codegen.compiler import load; print(load({SOURCE % 7!r}).answer())"
    subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True
    )  # nothing of it is loaded here
    library = kept(tmp_path)
    library.write_bytes(library.read_bytes()[:left])
    assert load(SOURCE % 7).answer() == 7
    assert len(compiled) == 1
    assert load(SOURCE % 7).answer() == 7
    assert len(compiled) == 1


def test_a_program_that_was_changed_is_compiled_again(compiled, tmp_path):
    """One bit is enough."""
    code = f"from benchbed.codegen.compiler import load; print(load({SOURCE % 7!r}).answer())"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    content = bytearray(kept(tmp_path).read_bytes())
    content[2_000] ^= 1
    kept(tmp_path).write_bytes(content)
    assert load(SOURCE % 7).answer() == 7
    assert len(compiled) == 1


def test_where_nothing_can_be_kept_the_temporary_folder_serves(tmp_path):
    """The folder of the cache is a file here, which not even root can write into."""
    (tmp_path / "cache").write_text("in the way")
    assert load(SOURCE % 7).answer() == 7
    (folder,) = (tmp_path / "tmp").iterdir()
    assert folder.name == f"benchbed-{os.getuid()}"
    assert len(list(folder.iterdir())) == 1


def test_without_a_home_the_temporary_folder_serves(tmp_path, monkeypatch):
    """A service may have none; a relative XDG_CACHE_HOME is none."""

    def homeless():
        raise RuntimeError("no home")

    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setattr(compiler.Path, "home", homeless)
    assert load(SOURCE % 7).answer() == 7
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    assert not (tmp_path / "here").exists()


def test_a_folder_that_others_may_write_to_is_not_trusted(tmp_path):
    """What lies there would be run; with no other folder left, nothing is."""
    cache, temporary = (
        tmp_path / "cache" / "benchbed" / "programs",
        tmp_path / "tmp" / f"benchbed-{os.getuid()}",
    )
    for folder in (cache, temporary):
        folder.mkdir(parents=True)
        folder.chmod(0o777)
    with pytest.raises(
        CompilationError, match=r"no folder for a compiled program: .*benchbed-\d+ is open to others"
    ):
        load(SOURCE % 7)


@pytest.mark.parametrize(("path", "compiler"), [("/nowhere", None), (None, "false")], ids=["none", "useless"])
def test_without_a_compiler_there_is_a_way_out(monkeypatch, path, compiler):
    """The message names what to install, or which one was tried."""
    monkeypatch.setenv("PATH", path or os.environ["PATH"])
    monkeypatch.setenv("CXX", compiler or "")
    with pytest.raises(
        CompilationError, match=r"no C\+\+ compiler; install one, such as g\+\+" if path else "false: "
    ):
        load(SOURCE % 7)


def test_a_source_that_does_not_compile_says_why():
    """By the compiler's first words."""
    with pytest.raises(CompilationError, match="error"):
        load("this is no program")
