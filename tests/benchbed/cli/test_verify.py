"""Tests of `benchbed verify`."""

import hashlib
import json
import math

import pyarrow as pa
import pytest
import torch

import benchbed
from benchbed.interfaces import FunctionProblem, Optimizer
from benchbed.store import TRIAL_SCHEMA, from_bytes, to_bytes

pytestmark = pytest.mark.slow

PLUGIN = """
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Hyperparameter, Optimizer


def own(learning_rate: Hyperparameter = 0.1):
    def update(oracle, state, theta):
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=lambda theta: (), update=update)


@hookimpl
def register_optimizers(register):
    register(own)
"""
SMALL = [
    "-p",
    "quadratic",
    "-o",
    "own",
    "--preset",
    "quick",
    "--steps",
    "30",
    "--seeds",
    "2",
    "--track",
    "default",
]


@pytest.fixture
def contents():
    """Return a function that returns the times and digests of all files below a folder, with the lock."""

    def read(folder):
        return {
            path.relative_to(folder).as_posix(): (
                path.stat().st_mtime_ns,
                hashlib.sha256(path.read_bytes()).digest(),
            )
            for path in folder.rglob("*")
            if path.is_file()
        }

    return read


@pytest.fixture
def tamper():
    """Return a function that changes one value in the first row of a file of trials."""

    def change(trial_file, column, changed):
        table = from_bytes(trial_file.read_bytes())
        values = table[column].to_pylist()
        values[0] = changed(values[0])
        at = TRIAL_SCHEMA.get_field_index(column)
        field = TRIAL_SCHEMA.field(column)
        trial_file.write_bytes(to_bytes(table.set_column(at, field, pa.array(values, type=field.type))))

    return change


@pytest.fixture
def own_study(tmp_path, run_in_process):
    """Return a folder with a plugin file and a small study of its optimizer."""
    (tmp_path / "own.py").write_text(PLUGIN)
    result = run_in_process(tmp_path, "run", "--plugin", "own.py", *SMALL, "-O", "study")
    assert result.returncode == 0, result.stderr
    return tmp_path


def test_a_study_verifies_to_the_bit(full_study, run_benchbed):
    """Each batch has a line, and the last line is a summary."""
    result = run_benchbed(full_study, "verify", "study", "--sample", "99", "-j", "2")
    assert result.returncode == 0, result.stdout + result.stderr
    *batches, summary = result.stdout.splitlines()
    assert len(batches) == len(list((full_study / "study" / "trials").iterdir()))
    assert all(line.endswith(" trials): equal to the bit") for line in batches)
    assert summary.endswith(": all agree")


def test_three_batches_are_the_default_and_the_seed_chooses_them(copy, run_in_process):
    """The same seed chooses the same batches, and another one others."""
    lines = [
        run_in_process(copy, "verify", "study", "--seed", seed).stdout.splitlines() for seed in (1, 1, 2)
    ]
    assert list(map(len, lines)) == [4, 4, 4]
    assert lines[0] == lines[1] != lines[2]


def test_no_file_is_written(copy, run_in_process, contents):
    """All files have the same bytes and times, the lock included."""
    before = contents(copy)
    assert run_in_process(copy, "verify", "study").returncode == 0
    assert contents(copy) == before


def test_a_difference_in_the_last_bit_is_reported(copy, run_in_process, tamper):
    """The line has the batch and the column."""
    trial_file = sorted((copy / "study" / "trials").iterdir())[0]
    tamper(trial_file, "gradient_norm", lambda value: math.nextafter(value, math.inf))
    result = run_in_process(copy, "verify", "study", "--sample", "99")
    assert result.returncode == 1
    (line,) = [line for line in result.stdout.splitlines()[:-1] if "equal to the bit" not in line]
    assert line.startswith(f"{trial_file.stem} (")
    assert "differs in gradient_norm (1 of " in line
    assert result.stdout.splitlines()[-1].endswith(": batches that differ or did not run again: 1")


def test_a_row_that_contradicts_itself_differs(copy, run_in_process, tamper):
    """The final objective is the last one of the curve; the batch need not run again."""
    trial_file = sorted((copy / "study" / "trials").iterdir())[0]
    tamper(trial_file, "final_objective", lambda value: math.nextafter(value, math.inf))
    result = run_in_process(copy, "verify", "study", "--sample", "1")
    assert result.returncode == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith(f"{trial_file.stem} (")]
    assert line.endswith(
        ": is not run again: its column final_objective contradicts the plan or other columns"
    )


def test_a_changed_setting_does_not_match_its_key(copy, run_in_process, tamper):
    """A key is derived from the setting."""
    trial_file = next((copy / "study" / "trials").glob("*-gd-tuning.parquet"))
    tamper(
        trial_file, "hyperparameters", lambda text: json.dumps({**json.loads(text), "learning_rate": 0.25})
    )
    result = run_in_process(copy, "verify", "study", "--sample", "99")
    assert result.returncode == 1
    assert f"{trial_file.stem} (18 trials): differs in trial_key: " in result.stdout


def test_a_study_of_a_plugin_verifies(own_study, run_in_process):
    """With the same plugin file, the results are equal to the bit."""
    result = run_in_process(own_study, "verify", "study", "--plugin", "own.py")
    assert result.returncode == 0, result.stdout


def test_a_changed_plugin_is_reported(own_study, run_in_process):
    """Its trials cannot run again."""
    (own_study / "own.py").write_text(PLUGIN.replace("oracle.gradient", "2 * oracle.gradient"))
    result = run_in_process(own_study, "verify", "study", "--plugin", "own.py")
    assert result.returncode == 1
    assert "did not run again: optimizer 'own' differs: the plan was made with file digest " in result.stdout


def test_a_missing_plugin_is_reported(own_study, run_in_process):
    """The line has the optimizer that is unknown."""
    result = run_in_process(own_study, "verify", "study")
    assert result.returncode == 1
    assert "did not run again: optimizer 'own' differs: " in result.stdout
    assert "does not have it: unknown optimizer 'own'" in result.stdout


def test_failed_trials_are_not_compared(tmp_path, run_in_process):
    """Their batch runs again, and the other trials of the batch are compared."""
    (tmp_path / "own.py").write_text(
        PLUGIN.replace("return theta", "assert (learning_rate < 1).all()\n        return theta")
    )
    arguments = [argument.replace("own", "own[learning_rate=[0.1, 10]]") for argument in SMALL]
    assert run_in_process(tmp_path, "run", "--plugin", "own.py", *arguments, "-O", "study").returncode == 1
    result = run_in_process(tmp_path, "verify", "study", "--plugin", "own.py")
    assert result.returncode == 0, result.stdout
    assert "-own-evaluation (2 trials): equal to the bit" in result.stdout


def test_a_batch_beyond_the_time_limit_is_reported(tmp_path, run_benchbed, run_in_process):
    """No batch runs within a microsecond."""
    built_in = ["gd" if argument == "own" else argument for argument in SMALL]
    assert run_in_process(tmp_path, "run", *built_in, "-O", "study").returncode == 0
    result = run_benchbed(tmp_path, "verify", "study", "--timeout", "0.000001")
    assert result.returncode == 1
    assert "did not finish within 1e-06 s when it ran again" in result.stdout


def test_results_of_an_earlier_plan_are_left_out(own_study, run_in_process):
    """Trials with another budget stay in the folder, but do not belong to the plan."""
    run_in_process(own_study, "run", "--plugin", "own.py", *SMALL, "--steps", "20", "-O", "study")
    result = run_in_process(own_study, "verify", "study", "--plugin", "own.py", "--sample", "99")
    assert result.returncode == 0
    assert result.stdout.splitlines()[-1] == (
        "1 of 1 batches, 2 trials: all agree; 2 stored trials of another plan or plugin were left out"
    )


def test_another_torch_is_compared_within_a_tolerance(copy, run_in_process, tamper):
    """Last bits may differ; the summary has the reason."""
    (environment,) = (copy / "study" / "environments").iterdir()
    environment.write_text(json.dumps({**json.loads(environment.read_text()), "torch": "1.0"}))
    trial_file = sorted((copy / "study" / "trials").iterdir())[0]
    tamper(
        trial_file,
        "curve_objective",
        lambda curve: [curve[0], math.nextafter(curve[1], math.inf), *curve[2:]],
    )
    result = run_in_process(copy, "verify", "study", "--sample", "99")
    assert result.returncode == 0, result.stdout
    *batches, summary = result.stdout.splitlines()
    assert all(line.endswith(" trials): agrees over the first 100 steps") for line in batches)
    assert "compared within a tolerance because torch was 1.0 and is " in summary


def test_an_empty_folder_exits_with_3(tmp_path, run_in_process):
    """It is not a study, and no file is written to it."""
    (tmp_path / "study").mkdir()
    result = run_in_process(tmp_path, "verify", "study")
    assert result.returncode == 3
    assert "study is not a study folder" in result.stderr
    assert not list((tmp_path / "study").iterdir())


def test_a_study_without_results_exits_with_5(copy, run_in_process):
    """A plan without trials has nothing to compare."""
    for trial_file in (copy / "study" / "trials").iterdir():
        trial_file.unlink()
    result = run_in_process(copy, "verify", "study")
    assert result.returncode == 5
    assert "contains no result of its plan" in result.stderr


def own_descent(learning_rate=0.1):
    """Gradient descent."""
    return Optimizer(
        init=lambda theta: (),
        update=lambda oracle, state, theta: (theta - learning_rate * oracle.gradient, state),
    )


def test_objects_that_were_passed_to_run_are_left_out(run_in_process, tmp_path, monkeypatch):
    """With a warning; if nothing else remains, nothing is verified."""
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")  # plots take seconds
    options = {"preset": "quick", "steps": 10, "seeds": 1, "tracks": ["default"], "executor": "serial"}
    problems = ["quadratic", FunctionProblem(torch.sum, [1.0, 2.0])]
    benchbed.run(problems=problems, optimizers=["gd", own_descent], output=tmp_path / "study", **options)
    result = run_in_process(tmp_path, "verify", "study", "--sample", "9")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "1 of 1 batches, 1 trials: all agree"
    reason = "was passed to run() as an object, which this process does not have"
    assert sorted(result.stderr.splitlines()) == [
        f"warning: {label} {reason}; its batches are left out"
        for label in ("optimizer 'own-descent'", "problem 'sum'")
    ]
    benchbed.run(problems=["quadratic"], optimizers=[own_descent], output=tmp_path / "study", **options)
    result = run_in_process(tmp_path, "verify", "study")
    assert (result.returncode, result.stdout) == (5, "")
    assert (
        f"contains no result of its plan that can run again: optimizer 'own-descent' {reason}"
        in result.stderr
    )


def test_a_sample_of_0_is_a_usage_error(tmp_path, run_in_process):
    """Its exit code is 2."""
    assert run_in_process(tmp_path, "verify", "study", "--sample", "0").returncode == 2


def test_help_shows_examples(run_in_process, tmp_path):
    """The help has command lines to copy."""
    assert "  benchbed verify results/standard" in run_in_process(tmp_path, "verify", "--help").stdout
