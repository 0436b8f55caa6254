"""Pages that list every option, hook, column, exit code, status and note, compared with the code."""

import json
import re
from pathlib import Path

import click
import pandas as pd
import pytest

import benchbed
from benchbed import errors, hookspecs
from benchbed.cli import commands as program
from benchbed.interfaces import Note, TrialStatus

DOCS = Path(__file__).parents[1] / "docs"
SECTION = re.compile(r"^###? (.+?)\n(.*?)(?=^##|\Z)", re.DOTALL | re.MULTILINE)
FIRST_CELL = re.compile(r"^\| (`[^|]*?) \|", re.MULTILINE)
COMPARE = "benchbed compare --format csv"


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def documented_columns():
    """Return the names in the first column of the table of each section of the page about columns."""
    sections = {title.strip("`"): body for title, body in SECTION.findall(page("columns.md"))}
    return {
        title: re.findall(r"`([^`]+)`", " ".join(FIRST_CELL.findall(body)))
        for title, body in sections.items()
    }


@pytest.fixture(scope="module")
def study_folder(run_once, run_in_process):
    """A small study with all tables, also of tests against a reference study."""

    def fill(folder):
        options = ["--preset", "quick", "--steps", "30", "--seeds", "2", "-O"]
        problems, data = ["-p", "quadratic", "-p", "quartic"], {"XDG_DATA_HOME": folder / "data"}
        run_in_process(folder, "run", *problems, "-o", "momentum", *options, folder / "reference")
        run_in_process(folder, "reference", "save", folder / "reference", **data)
        run_in_process(folder, "run", *problems, "-o", "sgd", "-o", "adam", *options, folder / "study")
        result = run_in_process(folder, "report", folder / "study", "--only", "tables", plots=True, **data)
        assert result.returncode == 0, result.stderr

    return run_once("reference-pages", fill) / "study"


@pytest.mark.slow
def test_every_column_of_a_file_is_documented(study_folder):
    """Each CSV file of a study has a section, which lists its columns and no others."""
    documented = documented_columns()
    files = {path.relative_to(study_folder).as_posix(): path for path in study_folder.rglob("*.csv")}
    problems = {name for name in files if name.startswith("tables/qua")}
    copies = problems | {"tables/summary.csv"}
    assert set(files) - copies == {name for name in documented if name.endswith(".csv")}
    for name, path in files.items():
        columns = sorted(pd.read_csv(path, nrows=0).columns)
        assert columns == sorted(documented["summary.csv" if name in copies else name]), name


@pytest.mark.slow
def test_every_column_of_a_comparison_is_documented(study_folder, run_in_process, tmp_path):
    """The output of `compare --format csv` has the documented columns."""
    result = run_in_process(tmp_path, "compare", study_folder, study_folder, "--format", "csv")
    assert sorted(result.stdout.splitlines()[0].split(",")) == sorted(documented_columns()[COMPARE])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trials", "curves", "targets", "tuning"])
def test_every_column_of_a_frame_is_documented(study_folder, name):
    """The frames of a study have the documented columns, and those of the hyperparameters."""
    study = benchbed.load(study_folder)
    settings = map(json.loads, study.trials["hyperparameters"])
    hyperparameters = {column for setting in settings for column in setting} if name != "trials" else set()
    columns = {*documented_columns()[f"Study.{name}"], *hyperparameters}
    assert set(getattr(study, name).columns) == columns


def test_every_hook_is_documented():
    """docs/plugins.md names every hook."""
    hooks = [name for name in dir(hookspecs) if name.startswith("register_")]
    assert [name for name in hooks if f"`{name}`" not in page("plugins.md")] == []


def commands_of(group):
    """Yield each command of a group and of the groups inside it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield command
        if isinstance(command, click.Group):
            yield from commands_of(command)


def test_every_option_has_a_description():
    """docs/commands.md is generated from the commands, so that an option without a help text would be empty there."""
    assert ".. click:: benchbed.cli:commands\n   :prog: benchbed\n   :nested: full" in page("commands.md")
    options = [
        (command.name, option.name, option.help)
        for command in commands_of(program)
        for option in command.params
        if isinstance(option, click.Option)
    ]
    assert [names for *names, text in options if not text] == []


def test_every_exit_code_is_documented():
    """docs/exit-codes.md lists the codes of the errors and of the help of every command, and no others."""
    endings = [(command.help or "").partition("Exit codes:")[2] for command in commands_of(program)]
    codes = {int(code) for text in endings for code in re.findall(r"\b(\d+) \w", text)}
    codes |= {error.exit_code for error in vars(errors).values() if hasattr(error, "exit_code")}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", page("exit-codes.md"), re.MULTILINE)} == codes


def test_every_status_and_note_is_documented():
    """The glossary names every status, and the page of messages every note without numbers."""
    assert [status for status in TrialStatus if f"`{status}`" not in page("glossary.md")] == []
    assert [note for note in Note if f"`{note.value}`" not in page("messages.md")] == []


def test_every_package_is_in_the_architecture():
    """docs/architecture.md lists every package and module of the core, and no others."""
    packages = {
        path.stem for path in Path(benchbed.__file__).parent.iterdir() if not path.stem.startswith("_")
    }
    table = page("architecture.md").partition("## Packages")[2].partition("\n\nThe built-in")[0]
    listed = set(re.findall(r"`([a-z]+)`", " ".join(FIRST_CELL.findall(table)))) - {"benchbed"}
    assert listed == packages - {"py"}
