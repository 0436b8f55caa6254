"""A study folder from somebody else: nothing outside it is read or written, and it chooses no code to import."""

import json
import os
import shutil
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_report_a_place")]

QUICK = ["--preset", "quick", "--track", "default", "--steps", "30", "--seeds", "2"]
RUN = ["run", "-p", "quadratic", "-o", "gd", "-o", "adam", *QUICK, "-O", "study"]
OTHER_PLAN = ["run", "-p", "quadratic", "-o", "momentum", *QUICK, "-O", "study"]
COMMANDS = {
    "report": ["report", "study"],
    "verify": ["verify", "study"],
    "compare": ["compare", "study", "study"],
    "run": ["run", "study/suite.toml", "-O", "study"],
    "other plan": OTHER_PLAN,
}
FOLDERS = ("trials", "tables", "plots", "environments", "attic", "set-aside")
FILES = ("plan.json", "reports.json", "summary.csv", ".lock", "tables/summary.csv")
MODULE = """
from pathlib import Path

import torch

Path(__file__).with_name("imported").touch()


class Rule(torch.optim.SGD):
    pass
"""


@pytest.fixture(scope="module")
def study(run_in_process, run_once):
    """Return the folder of a study with tables and plots."""

    def fill(folder):
        assert run_in_process(folder, *RUN, plots=True).returncode == 0

    return run_once("foreign-study", fill) / "study"


@pytest.fixture
def copy(study, tmp_path):
    """Return a copy of the study in the working directory."""
    shutil.copytree(study, tmp_path / "study")
    (tmp_path / "study" / ".lock").touch()
    return tmp_path / "study"


def state(folder):
    """Return the content and the time of the last change of all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.is_file() and path.read_bytes())
        for path in folder.rglob("*")
    }


def check_sentence(result, codes=(2, 3)):
    """Check for an exit code and a single sentence on stderr."""
    assert result.returncode in codes, result.stderr
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stderr + result.stdout


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", FOLDERS)
def test_a_linked_folder_is_not_followed(name, command, copy, run_in_process, tmp_path):
    """Neither its files nor its temporary files are read, moved, removed or replaced."""
    outside = tmp_path / "outside"
    outside.mkdir()
    if (copy / name).exists():
        shutil.copytree(copy / name, outside, dirs_exist_ok=True)
        shutil.rmtree(copy / name)
    (outside / "x.partial").write_text("mine")
    (outside / "000001-x.parquet").write_text("damaged")
    (copy / name).symlink_to(outside)
    if name == "set-aside":
        next((copy / "trials").iterdir()).write_text("damaged")
    before = state(outside)
    result = run_in_process(tmp_path, *COMMANDS[command], plots=name in ("tables", "plots"))
    check_sentence(result, (0, 1, 3, 5))
    assert state(outside) == before
    if result.returncode == 3:
        assert "is a symbolic link; replace it" in result.stderr
    else:
        assert name not in ("trials", "environments") or command in ("report", "compare")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", [*FILES, "part"])
def test_a_linked_file_is_not_followed(name, command, copy, run_in_process, tmp_path):
    """It is not read, and the target is not changed."""
    path = next((copy / "trials").iterdir()) if name == "part" else copy / name
    outside = tmp_path / "outside"
    shutil.copy2(path, outside)
    path.unlink()
    path.symlink_to(outside)
    before = outside.stat().st_mtime_ns, outside.read_bytes()
    result = run_in_process(tmp_path, *COMMANDS[command], plots=name.startswith("tables"))
    check_sentence(result, (0, 1, 3))
    assert (outside.stat().st_mtime_ns, outside.read_bytes()) == before
    if name == "plan.json" and command in ("report", "verify", "compare"):
        assert result.returncode == 3
        assert "it is a symbolic link" in result.stderr
    if name == "part":
        assert "it is a symbolic link" in result.stderr


@pytest.mark.parametrize("name", ["plan.json", "reports.json", ".lock", "part", "environment"])
@pytest.mark.parametrize("command", ["report", "verify", "run"])
def test_a_pipe_blocks_no_command(name, command, copy, run_in_process, tmp_path):
    """Nobody writes to it."""
    paths = {"part": "trials", "environment": "environments"}
    path = next((copy / paths[name]).iterdir()) if name in paths else copy / name
    path.unlink()
    os.mkfifo(path)
    check_sentence(run_in_process(tmp_path, *COMMANDS[command]), (0, 1, 3))


def edited(copy, edit):
    """Change the plan of a study by a function."""
    plan = json.loads((copy / "plan.json").read_text())
    edit(plan)
    (copy / "plan.json").write_text(json.dumps(plan))


EDITS = {
    "the name of the suite": lambda plan: plan.update(name="../../x"),
    "a name that is a path": lambda plan: plan["problems"][0].update(name="../../x", label="../../x"),
    "a label that is a path": lambda plan: plan["problems"][0].update(label="../../x"),
    "markup": lambda plan: plan["entrants"][0].update(name="<script>", label="<script>"),
    "a formula": lambda plan: plan["entrants"][0].update(name="=cmd()", label="=cmd()"),
    "an escape code": lambda plan: plan["problems"][0].update(name="\x1b[31m", label="\x1b[31m"),
    "many seeds": lambda plan: plan.update(evaluation_seeds=10**15),
    "many rates": lambda plan: plan.update(tracks=["tuned"], rates_per_decade=10**9, extensions=10**9),
    "no problem": lambda plan: plan.update(problems=[]),
    "a problem twice": lambda plan: plan["problems"].append(plan["problems"][0]),
    "another dimension": lambda plan: plan["problems"][0].update(dimension=-1),
    "a missing static": lambda plan: plan["entrants"][0].update(statics=["absent"]),
    "no key": lambda plan: plan.pop("rates"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_impossible_plan_exits_with_3(edit, copy, run_in_process, tmp_path):
    """No name of it becomes that of a file, and no command lists its trials; they read it by the same function."""
    edited(copy, EDITS[edit])
    before = state(tmp_path)
    for command in ("report", "verify", "compare") if edit == "many seeds" else ("report",):
        result = run_in_process(tmp_path, *COMMANDS[command])
        check_sentence(result, (3,))
        assert "plan.json" in result.stderr
        assert result.stderr.count("\n") == 1
    assert {name: content for name, (_, content) in state(tmp_path).items()} == {
        name: content for name, (_, content) in before.items()
    }


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b'{"a":' * 100_000, b"", b"null", b"\xff\xfe{", b"\0" * 5000, b'{"name": 1e99999}'],
)
def test_a_plan_that_is_no_plan_exits_with_3(content, copy, run_in_process, tmp_path):
    """Deep nesting, no content, another encoding."""
    (copy / "plan.json").write_bytes(content)
    check_sentence(run_in_process(tmp_path, *COMMANDS["report"]), (3,))


def test_a_huge_plan_is_not_read(copy, run_in_process, tmp_path):
    """A sparse file of a terabyte takes no memory."""
    with (copy / "plan.json").open("wb") as file:
        file.truncate(2**40)
    result = run_in_process(tmp_path, *COMMANDS["report"])
    check_sentence(result, (3,))
    assert "it has more than 268435456 bytes" in result.stderr


def test_names_of_files_are_printed_without_their_escape_codes(copy, run_in_process, tmp_path):
    """A part may have any name."""
    (copy / "trials" / "000009-\x1b]0;title\x07\n.parquet").write_text("damaged")
    result = run_in_process(tmp_path, *COMMANDS["report"])
    check_sentence(result, (0,))
    assert "\\x1b" in result.stderr
    assert "\x07" not in result.stderr


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return the path of the mark that a module on the import path leaves when it is imported."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "thirdparty_rules.py").write_text(MODULE)
    return library / "imported"


SUITE = 'problems = ["quadratic"]\noptimizers = ["gd", "{}"]\npreset = "quick"\ntracks = ["default"]\nsteps = 20\n'
CLASS = "thirdparty_rules:Rule"


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_suite_imports_no_module_unless_it_is_allowed(command, module, run_benchbed, tmp_path):
    """The sentence names the module and the option."""
    (tmp_path / "theirs.toml").write_text(SUITE.format(CLASS))
    arguments = [command, "theirs.toml", *(["--no-time"] if command == "plan" else ["-O", "out"])]
    result = run_benchbed(tmp_path, *arguments, PYTHONPATH=module.parent)
    check_sentence(result, (2,))
    assert f"theirs.toml names the optimizer '{CLASS}'" in result.stderr
    assert "add --allow-import if you trust both" in result.stderr
    assert not module.exists()
    assert not (tmp_path / "out").exists()
    assert run_benchbed(tmp_path, *arguments, "--allow-import", PYTHONPATH=module.parent).returncode == 0
    assert module.exists()


def test_a_class_of_torch_needs_no_permission(run_in_process, tmp_path):
    """torch is imported anyway."""
    (tmp_path / "mine.toml").write_text(SUITE.format("torch.optim:NAdam"))
    assert run_in_process(tmp_path, "run", "mine.toml", "-O", "out").returncode == 0


@pytest.mark.parametrize(
    "name", ["torch.optimism:X", "torch:optim.X", "os:system", "torch.optim.sgd:SGD[lr=1]"]
)
def test_other_modules_need_it(name, run_in_process, tmp_path):
    """Only the module `torch.optim` itself is allowed."""
    (tmp_path / "theirs.toml").write_text(SUITE.format(name))
    check_sentence(run_in_process(tmp_path, "run", "theirs.toml", "-O", "out"), (2,))


def test_a_class_on_the_command_line_is_the_users_word(module, run_benchbed, tmp_path):
    """Its study is verified only with permission, since the folder may come from elsewhere."""
    command = ["run", "-p", "quadratic", "-o", CLASS, *QUICK, "-O", "study"]
    environment = {"PYTHONPATH": module.parent}
    assert run_benchbed(tmp_path, *command, **environment).returncode == 0
    module.unlink()
    result = run_benchbed(tmp_path, "verify", "study", **environment)
    check_sentence(result, (2,))
    assert "add --allow-import" in result.stderr
    for command in ("report", "compare"):
        assert run_benchbed(tmp_path, *COMMANDS[command], **environment).returncode == 0
    assert not module.exists()
    assert run_benchbed(tmp_path, "verify", "study", "--allow-import", **environment).returncode == 0


def test_a_suite_cannot_name_plugin_files(run_in_process, tmp_path):
    """A suite has no such key."""
    for key in ("plugin", "plugins", "plugin_files", "executor", "allow_import", "output"):
        (tmp_path / "theirs.toml").write_text(f'{key} = "x.py"\n')
        result = run_in_process(tmp_path, "run", "theirs.toml")
        check_sentence(result, (2,))
        assert f"unknown key '{key}'" in result.stderr
    assert [path.name for path in Path().iterdir()] == ["theirs.toml"]
