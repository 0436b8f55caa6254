"""Names of suites, and paths in other encodings: each works, or exits with 2 before anything is written."""

import json
import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PLAN = 'problems = ["quadratic"]\noptimizers = ["gd"]\npreset = "quick"\ntracks = ["default"]\nsteps = 10\nseeds = 2\n'
OPTIONS = [
    "-p",
    "quadratic",
    "-o",
    "gd",
    "--preset",
    "quick",
    "--track",
    "default",
    "--steps",
    "10",
    "--seeds",
    "2",
]
HOSTILE_NAMES = [
    "", ".", "..", "...", "../../x", "/absolute", "a/b", "a\\b", "C:\\x", "a\0b", "x" * 300, "é" * 60, "CON", "nul.txt",
    "Lpt1", "com¹", "-rf", ".hidden", " x", "x.", "x ", "a\nb", "\x1b[31mred", "a\u202eb", "what?", "a*", "<b>",
]  # fmt: skip
FINE_NAMES = ["mine", "My suite 2", "élan", "a.b", "x" * 100, "console", "=1+1", "$HOME"]
UTF_8_FOLDER = os.fsdecode(b"caf\xe9")
"""A name of four bytes that are Latin-1, not UTF-8."""


def listed(folder):
    """Return all paths below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("by_option", [False, True], ids=["results", "output"])
def test_a_name_that_cannot_name_a_folder_exits_with_2(name, by_option, run_in_process, tmp_path):
    """The sentence is one line; nothing is written, neither here nor beside the folder."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "mine.toml").write_text(f"name = {json.dumps(name)}\n{PLAN}")
    result = run_in_process(here, "run", "mine.toml", *(["-O", "out"] if by_option else []))
    assert result.returncode == 2
    assert result.stderr.startswith("error: the name ")
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr
    assert listed(tmp_path) == ["here", "here/mine.toml"]


@pytest.mark.parametrize("name", FINE_NAMES)
def test_an_ordinary_name_is_that_of_the_folder(name, run_in_process, tmp_path):
    """Spaces, accents and dots are allowed."""
    (tmp_path / "mine.toml").write_text(f"name = {json.dumps(name, ensure_ascii=False)}\n{PLAN}", "utf-8")
    assert run_in_process(tmp_path, "run", "mine.toml").returncode == 0
    assert [path.name for path in (tmp_path / "results").iterdir()] == [name]


@pytest.mark.parametrize("file", ["CON.toml", "-x.toml", "a:b.toml", ".toml", "x" * 110 + ".toml"])
def test_a_file_name_is_checked_as_the_name_of_its_suite(file, run_in_process, tmp_path):
    """A suite without a name has that of its file."""
    (tmp_path / file).write_text(PLAN)
    result = run_in_process(tmp_path, "run", f"./{file}")
    assert result.returncode == 2
    assert 'write another name, such as name = "mine"' in result.stderr


@pytest.mark.parametrize("suite", ["x" * 300, "../../x", "\x1b[31m", "a/../../b"])
def test_a_suite_that_does_not_exist_exits_with_2(suite, run_in_process, tmp_path):
    """Also if no file system allows its name."""
    result = run_in_process(tmp_path, "run", suite)
    assert result.returncode == 2
    assert result.stderr.startswith("error: unknown suite")
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("preset", ["../../x", "", ".", "/x", "x" * 300])
def test_a_preset_is_a_known_name(preset, run_in_process, tmp_path):
    """Nothing is written."""
    result = run_in_process(tmp_path, "run", *OPTIONS, "--preset", preset)
    assert (result.returncode, result.stderr[:22]) == (2, "error: unknown preset ")
    assert listed(tmp_path) == []


@pytest.mark.parametrize(
    ("encoding", "is_accepted"),
    [
        ("utf-8-sig", True),
        *((name, False) for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be")),
    ],
)
def test_a_suite_in_another_encoding(encoding, is_accepted, run_in_process, tmp_path):
    """A byte order mark before UTF-8 is accepted; the sentence names the other encodings."""
    (tmp_path / "mine.toml").write_bytes(PLAN.replace("\n", "\r\n").encode(encoding))
    result = run_in_process(tmp_path, "run", "mine.toml", "-O", "out")
    name = encoding.removesuffix("-le").removesuffix("-be").upper()
    assert result.returncode == (0 if is_accepted else 2), result.stderr
    assert is_accepted or result.stderr == f"error: mine.toml is encoded in {name}; save it as UTF-8\n"


def test_a_suite_with_an_integer_of_thousands_of_digits_exits_with_2(run_in_process, tmp_path):
    """Python refuses to convert it."""
    (tmp_path / "mine.toml").write_text(f"seeds = {'9' * 5000}\n")
    result = run_in_process(tmp_path, "run", "mine.toml")
    assert result.returncode == 2
    assert "is not valid TOML" in result.stderr


def test_a_suite_may_come_from_a_pipe_and_ends_after_a_megabyte(run_benchbed, tmp_path):
    """The size of a pipe or device is not known in advance."""
    result = run_benchbed(tmp_path, "run", "/dev/zero")
    assert result.returncode == 2
    assert "has more than 1000000 bytes" in result.stderr


@pytest.mark.parametrize(
    "role", ["output", "plugin", "suite", "link to output", "link to plugin", "working directory"]
)
def test_a_path_that_is_not_utf_8_exits_with_2(role, run_benchbed, tmp_path):
    """The sentence shows the bytes; nothing is written."""
    odd = tmp_path / UTF_8_FOLDER
    odd.mkdir()
    (odd / "plugin.py").write_text("")
    (odd / "mine.toml").write_text(PLAN)
    (tmp_path / "linked").symlink_to(odd)
    before = listed(tmp_path)
    folder, arguments = {
        "output": (tmp_path, [*OPTIONS, "-O", odd]),
        "plugin": (tmp_path, [*OPTIONS, "-O", "out", "--plugin", odd / "plugin.py"]),
        "suite": (tmp_path, [odd / "mine.toml", "-O", "out"]),
        "link to output": (tmp_path, [*OPTIONS, "-O", "linked/study"]),
        "link to plugin": (tmp_path, [*OPTIONS, "-O", "out", "--plugin", "linked/plugin.py"]),
        "working directory": (odd, [*OPTIONS, "-O", "out"]),
    }[role]
    result = run_benchbed(folder, "run", *arguments)
    assert result.returncode == 2, result.stderr
    assert "\\xe9" in result.stderr
    assert "is not text in UTF-8" in result.stderr
    assert "Traceback" not in result.stderr
    assert listed(tmp_path) == before


@pytest.mark.parametrize("command", [["run", *OPTIONS], ["list", "problems"], ["report", "study"]])
def test_a_removed_working_directory_exits_with_2(command, run_benchbed, tmp_path):
    """The shell is still in it."""
    (tmp_path / "gone").mkdir()
    result = run_benchbed(tmp_path, *command, shell='cd gone && rmdir ../gone && "$@"')
    assert result.returncode == 2
    assert result.stderr.startswith("error: the working directory cannot be used: ")
    assert result.stderr.count("\n") == 1


def test_help_needs_no_working_directory(run_benchbed, tmp_path):
    """It reads no file."""
    (tmp_path / "gone").mkdir()
    assert run_benchbed(tmp_path, "--version", shell='cd gone && rmdir ../gone && "$@"').returncode == 0


@pytest.mark.parametrize("temporary", ["missing", "file", "/proc"])
def test_a_temporary_folder_that_cannot_be_used_is_replaced(temporary, run_benchbed, tmp_path):
    """Python takes another one."""
    (tmp_path / "file").write_text("")
    result = run_benchbed(tmp_path, "run", *OPTIONS, "-O", "out", "-j", "1", TMPDIR=Path(tmp_path, temporary))
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
