"""Tests of `benchbed plan`."""

import json
import re

import pytest

import benchbed
from benchbed.study import resources

pytestmark = pytest.mark.slow

BROKEN = """
from typing import Annotated
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Hyperparameter, LogUniform, Optimizer

def broken(learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 0.1):
    def update(oracle, state, theta):
        raise ValueError("no step today")
    return Optimizer(lambda theta: (), update)

@hookimpl
def register_optimizers(register):
    register(broken)
"""


def test_the_count_is_an_upper_bound_of_the_trials_that_run(full_study, run_in_process, arguments, tmp_path):
    """Only a tuned rate that equals the default is counted without running again."""
    result = run_in_process(tmp_path, "plan", "--no-time", "--format", "json", *arguments[1:-2])
    assert result.returncode == 0, result.stderr
    costs = json.loads(result.stdout)
    stored = benchbed.load(full_study / "study").trials
    tuning, evaluation = (stored[stored["role"] == role] for role in ("tuning", "evaluation"))
    in_tracks = evaluation.explode("tracks")["tracks"].value_counts()
    counted = {row["track"]: row["trials"] for row in costs["tracks"]}
    assert counted == {"default": in_tracks["default"], "tuned": in_tracks["tuned"] + len(tuning)}
    shared = in_tracks.sum() - len(evaluation)
    assert costs["together"]["trials"] == len(stored) + shared


def test_the_table_has_the_numbers_of_the_records(run_in_process, tmp_path):
    """Trials, calls and seconds for each track, and their sums at the end."""
    arguments = [
        "-p",
        "quadratic",
        "-p",
        "quartic",
        "-o",
        "adam",
        "--steps",
        "2000",
        "--seeds",
        "2",
        "--no-time",
    ]
    plan = [*arguments, "--track", "default", "--track", "tuned", "--track", "searched", "--preset", "quick"]
    costs = json.loads(run_in_process(tmp_path, "plan", "--format", "json", *plan).stdout)
    lines = run_in_process(tmp_path, "plan", *plan).stdout.splitlines()
    assert [track["trials"] for track in costs["tracks"]] == [4, 40, 36]
    rows = ["2", "4k", "-", "20", "40k", "-", "18", "36k", "-"]
    assert [line.split() for line in lines[3:7]] == [
        ["quadratic"],
        ["adam", *rows],
        ["quartic"],
        ["adam", *rows],
    ]
    sums = [line.split()[:3] for line in lines[9:]]
    assert sums == [
        ["default", "4", "8k"],
        ["tuned", "40", "80k"],
        ["searched", "36", "72k"],
        ["together", "80", "160k"],
    ]
    assert all(len(line) <= 100 for line in lines)


def test_no_file_is_written(run_benchbed, tmp_path):
    """Also if steps are timed."""
    result = run_benchbed(tmp_path, "plan", "-p", "quadratic", "-o", "gd", "--preset", "quick")
    assert result.returncode == 0, result.stderr
    assert "about " in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_optimizer_that_raises_is_counted_and_not_timed(run_in_process, tmp_path):
    """A warning has the reason; other optimizers are timed."""
    (tmp_path / "broken.py").write_text(BROKEN)
    arguments = ["-p", "quadratic", "-o", "broken", "-o", "gd", "--plugin", "broken.py", "--preset", "quick"]
    result = run_in_process(tmp_path, "plan", "--format", "json", "--track", "default", *arguments)
    assert result.returncode == 0, result.stderr
    assert result.stderr == "warning: cannot time quadratic × broken: it raised ValueError: no step today\n"
    broken, gd = json.loads(result.stdout)["rows"]
    assert broken["trials"] == gd["trials"]
    assert broken["seconds"] is None
    assert gd["seconds"] > 0


def test_the_memory_of_a_process_is_estimated(run_in_process, tmp_path):
    """The last line and the record contain it."""
    arguments = ["plan", "-p", "quadratic", "-o", "gd", "--preset", "quick", "--track", "default", "-j", "2"]
    *_, line = run_in_process(tmp_path, *arguments).stdout.splitlines()
    assert re.fullmatch(r"about [0-9.]+ [GM]iB of memory in each process, of which 2 run at a time", line)
    assert json.loads(run_in_process(tmp_path, *arguments, "--format", "json").stdout)["peak_bytes"] > 100e6
    assert (
        json.loads(run_in_process(tmp_path, *arguments, "--no-time", "--format", "json").stdout)["peak_bytes"]
        is None
    )


def test_threads_are_planned_for_more_cores_than_batches(run_in_process, tmp_path):
    """Also for cores that this machine does not have."""
    arguments = [
        "plan",
        "--no-time",
        "-p",
        "quadratic",
        "-o",
        "gd",
        "--preset",
        "quick",
        "--track",
        "default",
    ]
    arguments += ["--seeds", "100", "--device", "cpu", "-j", "64"]
    lines = run_in_process(tmp_path, *arguments).stdout.splitlines()
    assert lines[-1] == "threads of each compiled batch: 64 on quadratic"
    costs = json.loads(run_in_process(tmp_path, *arguments, "--format", "json").stdout)
    shares = {name: costs[name] for name in ("jobs", "cores", "devices", "threads")}
    assert shares == {"jobs": 64, "cores": 64, "devices": [], "threads": {"quadratic": 64}}


def test_more_processes_than_memory_are_reported(run_in_process, tmp_path):
    """A hundred thousand processes need some terabytes."""
    arguments = ["plan", "-p", "quadratic", "-o", "gd", "--preset", "quick", "--track", "default"]
    *_, line = run_in_process(tmp_path, *arguments, "-j", "100000").stdout.splitlines()
    assert re.search(
        r"of which 100000 run at a time, more than the [0-9.]+ [GM]iB that they may use; use a smaller -j$",
        line,
    )


def test_processes_that_fit_into_memory_decide_the_time(run_in_process, tmp_path, monkeypatch):
    """A single one runs all batches, although the machine has four cores."""
    monkeypatch.setattr(resources, "usable_cores", lambda: 4)
    monkeypatch.setattr(resources, "fitting_processes", lambda process_bytes: 1)
    arguments = [
        "plan",
        "-p",
        "quadratic",
        "-o",
        "gd",
        "-o",
        "adam",
        "--preset",
        "quick",
        "--track",
        "default",
    ]
    arguments += ["--engine", "eager", "--device", "cpu", "--format", "json"]
    costs = json.loads(run_in_process(tmp_path, *arguments).stdout)
    assert (costs["jobs"], costs["cores"]) == (1, 4)
    assert costs["wall_seconds"] == pytest.approx(costs["together"]["seconds"])
