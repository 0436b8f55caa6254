"""Plugins that return other values than the contract says, mix trials or write to their arguments are not measured."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import benchbed

pytestmark = pytest.mark.slow

PLUGINS = Path(__file__).parent / "plugins"
OPTIONS = ["--preset", "quick", "--seeds", "3", "--steps", "10", "--track", "default", "--dtype", "float32"]


def load(name):
    specification = importlib.util.spec_from_file_location(name, PLUGINS / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


OPTIMIZERS, PROBLEMS = load("contract_optimizers").FAULTY, load("contract_problems").FAULTY


def _registered(name):
    return name.replace("_", "-")


@pytest.fixture(scope="module")
def of_optimizers(run_in_process, run_once):
    """Return the folder of a run of all optimizers on one problem."""

    def fill(folder):
        names = [option for name in ("separate", *OPTIMIZERS) for option in ("-o", _registered(name))]
        plugin = PLUGINS / "contract_optimizers.py"
        result = run_in_process(
            folder, "run", "--plugin", plugin, "-p", "quadratic", *names, *OPTIONS, "-O", "study"
        )
        (folder / "stderr").write_text(result.stderr)
        (folder / "code").write_text(str(result.returncode))

    return run_once("contract-optimizers", fill)


@pytest.fixture(scope="module")
def optimizer_trials(of_optimizers):
    """Return the trials of all optimizers, which take longer to read than to test."""
    return benchbed.load(of_optimizers / "study").trials


@pytest.fixture(scope="module")
def of_problems(run_in_process, run_once):
    """Return the folder of a run of gradient descent on all problems."""

    def fill(folder):
        names = [option for name in ("none", *PROBLEMS) for option in ("-p", f"bowl[fault='{name}']")]
        plugin = PLUGINS / "contract_problems.py"
        result = run_in_process(
            folder, "run", "--plugin", plugin, *names, "-o", "gd", *OPTIONS, "-O", "study"
        )
        (folder / "stderr").write_text(result.stderr)
        (folder / "code").write_text(str(result.returncode))

    return run_once("contract-problems", fill)


@pytest.fixture(scope="module")
def problem_trials(of_problems):
    """Return the trials of all problems."""
    return benchbed.load(of_problems / "study").trials


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_faulty_optimizer_is_rejected_with_the_remedy(name, of_optimizers, optimizer_trials):
    """Its rows have the sentence without a traceback, its name, and no measurement."""
    rows = optimizer_trials[optimizer_trials["optimizer"] == _registered(name)]
    assert (of_optimizers / "code").read_text() == "1"
    assert set(rows["status"]) == {"failed"}
    assert rows["final_objective"].isna().all()
    for error in rows["error"]:
        assert OPTIMIZERS[name] in error
        assert repr(name) in error
        assert "Traceback" not in error


def test_the_optimizer_that_keeps_the_contract_is_measured(optimizer_trials):
    """Its first step has the length of its learning rate: 0.1 for each of the seeds, up to the digits of float32."""
    rows = optimizer_trials[optimizer_trials["optimizer"] == "separate"]
    assert set(rows["status"]) == {"exhausted"}
    for path in rows["curve_theta"]:
        points = np.stack(list(path))
        assert np.linalg.norm(points[1] - points[0]) == pytest.approx(0.1, rel=1e-5)


@pytest.mark.parametrize("fault", PROBLEMS)
def test_a_faulty_problem_is_rejected_with_the_remedy(fault, of_problems, problem_trials):
    """Its rows have the sentence without a traceback, its name, and no measurement."""
    rows = problem_trials[problem_trials["problem_parameters"] == json.dumps({"fault": fault})]
    assert (of_problems / "code").read_text() == "1"
    assert len(rows) == 3 or fault == "list_start"
    assert set(rows["status"]) == {"failed"}
    assert rows["final_objective"].isna().all()
    for error in rows["error"]:
        assert PROBLEMS[fault] in error
        assert "'bowl'" in error
        assert "Traceback" not in error


def test_the_problem_that_keeps_the_contract_is_measured(problem_trials):
    """Gradient descent at rate 0.01 shrinks |θ|² by 0.98² a step; the data add the optimum, which is at most 1."""
    rows = problem_trials[problem_trials["problem_parameters"] == "{}"]
    assert len(rows) == 3
    rate = json.loads(rows["hyperparameters"].iloc[0])["learning_rate"]
    for row in rows.to_dict("records"):
        initial, final = (row[f"{name}_objective"] - row["optimum"] for name in ("initial", "final"))
        assert final / initial == pytest.approx((1 - 2 * rate) ** (2 * row["steps"]), rel=1e-4)
