"""Tests of `benchbed run`: its output and its files."""

import csv
import io
import json
import tomllib

import pytest

import benchbed

pytestmark = pytest.mark.slow


def test_a_table_ends_with_the_folder(full_study):
    """The last line of stdout has the folder; stderr is empty."""
    lines = (full_study / "stdout").read_text().splitlines()
    assert lines[-1] == "results, tables and plots: study/"
    assert (full_study / "stderr").read_text() == ""


@pytest.mark.parametrize(
    "name",
    [
        "index.html", "plan.json", "suite.toml", "summary.csv", "tables/summary.md", "tables/summary.tex",
        "tables/quadratic.csv",
        "plots/loss-quadratic.png", "plots/loss-runge.svg", "plots/learning-rate-quadratic.png", "plots/heatmap.svg",
    ],
)  # fmt: skip
def test_the_folder_has_tables_and_plots(name, full_study):
    """Each file exists and is not empty."""
    assert (full_study / "study" / name).stat().st_size > 0


def test_each_run_stores_its_environment(full_study):
    """A JSON file describes the machine and the packages."""
    (file,) = (full_study / "study" / "environments").glob("*.json")
    assert json.loads(file.read_text())


def test_the_same_command_runs_no_trial(copy, run_in_process, arguments, files, monkeypatch):
    """All trials are stored, so that no file of trials is written, and a line says so; `--open` opens the page.

    The frame of all trials is not built: it takes gigabytes for a million of them.
    """
    opened, count = [], len(benchbed.load(copy / "study").trials)
    monkeypatch.delattr(benchbed.Study, "trials")
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    before = files(copy / "study" / "trials")
    result = run_in_process(copy, *arguments, "--open")
    assert result.returncode == 0
    assert (
        result.stderr == f"nothing had to run: all {count} trials were stored before; --fresh starts again\n"
    )
    assert opened == [(copy / "study" / "index.html").as_uri()]
    assert files(copy / "study" / "trials") == before


def test_more_seeds_run_only_the_missing_trials(copy, run_in_process, arguments, files):
    """Files of stored trials do not change; new ones have trials of the new seed."""
    before = files(copy / "study" / "trials")
    result = run_in_process(copy, *arguments, "--seeds", "3", "--track", "default")
    assert result.returncode == 0
    assert "nothing had to run" not in result.stderr
    after = files(copy / "study" / "trials")
    assert before.items() < after.items()
    trials = benchbed.load(copy / "study").trials
    added = trials[trials["seed"] == 2]
    assert len(added) == 4
    assert set(added["role"]) == {"evaluation"}


def test_fresh_moves_the_old_study_aside(copy, run_in_process, arguments, files):
    """Its files are kept, and the new study starts without trials."""
    before = files(copy / "study" / "trials")
    assert run_in_process(copy, *arguments, "--fresh", "--track", "default").returncode == 0
    (aside,) = copy.glob("study.*")
    assert files(aside / "trials") == before
    assert not files(copy / "study" / "trials").keys() & {name for name in before if "tuning" in name}


@pytest.mark.parametrize("format_", ["json", "csv"])
def test_data_on_stdout_can_be_parsed_and_the_folder_is_on_stderr(format_, copy, run_in_process, arguments):
    """A program reads stdout, and the user still sees the folder."""
    result = run_in_process(copy, *arguments, "--format", format_)
    if format_ == "json":
        rows = json.loads(result.stdout)["summary"]
    else:
        rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {(row["problem"], row["optimizer"], row["track"]) for row in rows} == {
        (problem, optimizer, track)
        for problem in ("quadratic", "runge")
        for optimizer in ("gd", "adam")
        for track in ("default", "tuned")
    }
    assert result.stderr.startswith("results, tables and plots: study/\nnothing had to run: all ")


def test_the_suite_in_the_folder_resolves_to_the_same_plan(copy, run_in_process, files):
    """It runs unchanged, and all its trials are stored."""
    before = files(copy / "study" / "trials")
    plan = json.loads((copy / "study" / "plan.json").read_text())
    result = run_in_process(copy, "run", "study/suite.toml", "-O", "study")
    assert result.returncode == 0
    assert files(copy / "study" / "trials") == before
    assert json.loads((copy / "study" / "plan.json").read_text()) == plan
    assert tomllib.loads((copy / "study" / "suite.toml").read_text())["seeds"] == 2


def test_the_serial_executor_has_the_same_results(copy, run_in_process, arguments):
    """It runs without child processes, for debugging."""
    assert run_in_process(copy, *arguments, "--executor", "serial", "-j", "2", "-O", "serial").returncode == 0
    columns = ["trial_key", "status", "final_objective", "gap"]
    serial, parallel = (
        benchbed.load(copy / name).trials[columns].sort_values("trial_key").to_csv(index=False)
        for name in ("serial", "study")
    )
    assert serial == parallel


def test_divergence_is_a_result(run_in_process, tmp_path):
    """A large learning rate diverges: exit code 0, the last row, and the number of calls until then."""
    optimizers = ["-o", "gd[learning_rate=[0.001, 100]]"]
    arguments = ["-p", "quadratic", *optimizers, "--preset", "quick", "--steps", "30", "--seeds", "2"]
    assert run_in_process(tmp_path, "run", *arguments, "--track", "default", "-O", "study").returncode == 0
    trials = benchbed.load("study").trials
    diverged = trials[trials["status"] == "diverged"]
    assert len(diverged) == 2
    assert (diverged["calls"] < 30).all()
    summary = benchbed.load("study").summary
    assert list(summary["diverged"]) == [0, 2]


UNUSABLE = """
import torch

class Demanding(torch.optim.SGD):
    def __init__(self, params, table):
        super().__init__(params)
"""
SMALL = ["--preset", "quick", "--steps", "5", "--seeds", "1", "--track", "default", "-O", "study"]
OPTIMIZERS = ["own.py:Demanding", "adm", "adam[", "no_module:Class", "sgd", "torch.optim:NAdam"]
REASONS = [
    "own.py:Demanding: its parameter 'table' has no default; write [table=…]",
    "unknown optimizer 'adm'; did you mean 'adam'?",
    "selector 'adam[', column 6: the closing bracket ] is missing",
    "importing no_module raised ModuleNotFoundError",
]


def test_all_unusable_selectors_are_named(run_in_process, tmp_path):
    """A line for each, with its reason, and one with the remedy; nothing runs."""
    (tmp_path / "own.py").write_text(UNUSABLE)
    selectors = [argument for optimizer in OPTIMIZERS for argument in ("-o", optimizer)]
    result = run_in_process(tmp_path, "run", "-p", "quadratic", *selectors, *SMALL)
    assert (result.returncode, result.stdout) == (2, "")
    *lines, remedy = result.stderr.splitlines()
    assert len(lines) == len(REASONS)
    assert [line for line, reason in zip(lines, REASONS, strict=True) if reason not in line] == []
    assert remedy.endswith(
        "4 of 7 selectors cannot be used; correct them, or leave them out by --skip-unusable"
    )
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("in_suite", [False, True])
def test_the_others_run_without_the_unusable_selectors(in_suite, run_in_process, tmp_path):
    """Each gets a warning; exit code 0, and the stored suite has the usable ones only."""
    (tmp_path / "own.py").write_text(UNUSABLE)
    arguments = ["-p", "quadratic", *(argument for text in OPTIMIZERS for argument in ("-o", text))]
    if in_suite:
        lists = f"problems = ['quadratic']\noptimizers = {OPTIMIZERS}\n"
        (tmp_path / "mine.toml").write_text(f"{lists}skip_unusable = true\n")
        arguments = ["mine.toml", "--allow-import", *SMALL]
    else:
        arguments += ["--skip-unusable", *SMALL]
    result = run_in_process(tmp_path, "run", *arguments)
    assert result.returncode == 0, result.stderr
    lines = result.stderr.splitlines()
    assert [line for line, reason in zip(lines, REASONS, strict=True) if reason not in line] == []
    suite = tomllib.loads((tmp_path / "study" / "suite.toml").read_text())
    assert suite["optimizers"] == ["sgd", "torch.optim:NAdam"]
    assert set(benchbed.load("study").trials["optimizer"]) == set(suite["optimizers"])


def test_unusable_selectors_are_errors_if_nothing_else_remains(run_in_process, tmp_path):
    """With the reasons, and not only "nothing is selected"."""
    result = run_in_process(
        tmp_path, "run", "-p", "quadratic", "-o", "adm", "-o", "sgdd", "--skip-unusable", *SMALL
    )
    assert result.returncode == 2
    assert "unknown optimizer 'adm'" in result.stderr
    assert "unknown optimizer 'sgdd'" in result.stderr


SCHEDULE = """
import math
import torch
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer

def cosine(learning_rate: float = 0.01):
    def update(oracle, state, theta):
        rate = learning_rate * 0.5 * (1 + torch.cos(math.pi * oracle.progress))
        return theta - rate * oracle.gradient, state
    return Optimizer(init=lambda theta: (), update=update)

@hookimpl
def register_optimizers(register):
    register(cosine)
"""


def test_a_table_notes_schedules_and_the_share_of_starts_in_the_basin(run_in_process, tmp_path):
    """A cosine schedule is noted in each track, `adam` is not; the title has the share of starts."""
    (tmp_path / "schedule.py").write_text(SCHEDULE)
    arguments = ["--plugin", "schedule.py", "-p", "quartic", "-o", "cosine", "-o", "adam", "-O", "study"]
    result = run_in_process(tmp_path, "run", *arguments, "--preset", "quick", "--steps", "30", "--seeds", "4")
    assert result.returncode == 0, result.stderr
    study = benchbed.load("study")
    knowing = study.summary["notes"].str.split("; ").map(lambda notes: "knows the budget" in notes)
    assert (knowing == (study.summary["optimizer"] == "cosine")).all()
    assert "knows the budget" in result.stdout
    evaluated = study.trials[study.trials["role"] == "evaluation"].drop_duplicates("seed")
    starts = [path[0][0] for path in evaluated["curve_theta"]]
    share = sum(start < 0.16993 for start in starts) / 4
    assert f"quartic: 30 calls; success at gap ≤ 0.01; {100 * share:g}% start in the" in result.stdout
