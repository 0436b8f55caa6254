"""Tests of `--gradient`: its price, storage, verification and comparison."""

import json
import tomllib

import pytest

import benchbed
from benchbed.store import StudyFolder

pytestmark = pytest.mark.slow

SMALL = ["--preset", "quick", "--steps", "40", "--seeds", "2", "--track", "default"]
BOWL = ["-p", "quadratic[start=2]", "-o", "gd", *SMALL]

PLUGIN = '''
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import NotServedError
import torch

def one_sided(function, theta):
    """Look ahead along each coordinate, {remark}."""
    loss = function(theta)
    ahead = [function(theta + 1e-6 * unit) for unit in torch.eye(theta.shape[-1], dtype=theta.dtype)]
    return loss, (torch.stack(ahead, -1) - loss.unsqueeze(-1)) / 1e-6

@hookimpl
def register_gradients(register):
    register(one_sided)
'''


@pytest.fixture(scope="module")
def both(run_once, run_in_process):
    """Return a folder in which two gradients ran one after the other, with the output of each."""

    def fill(folder):
        for gradient in ("forward", "forward-random"):
            result = run_in_process(folder, "run", *BOWL, "--gradient", gradient, "-O", "study")
            assert result.returncode == 0, result.stderr
            (folder / gradient).write_text(result.stdout)
            (folder / f"{gradient}.csv").write_bytes((folder / "study" / "summary.csv").read_bytes())

    return run_once("gradients", fill)


def test_a_table_has_the_gradient_and_its_price(both):
    """After the budget."""
    assert "quadratic[start=2]: 40 calls; forward gradients at 1.33 calls; success" in (
        (both / "forward").read_text()
    )
    assert "40 calls; forward-random gradients at 0.667 calls;" in (both / "forward-random").read_text()


def test_a_folder_may_have_trials_of_two_gradients(both):
    """The exact one does not depend on the seed here, the random one does; each spends the budget at its price."""
    study = benchbed.load(both / "study")
    assert study.trials["gradient"].tolist() == ["forward-random"] * 2  # those of the newest plan
    trials = StudyFolder(both / "study").read_trials().to_pandas().set_index("gradient")
    assert trials.index.tolist() == ["forward"] + ["forward-random"] * 2
    assert trials.loc["forward", "steps"] == 30
    assert trials.loc["forward-random", "steps"].tolist() == [60, 60]
    assert trials["calls"].tolist() == pytest.approx([40] * 3)
    assert trials["gradient_source"].groupby("gradient").nunique().tolist() == [1, 1]
    assert trials["final_objective"].nunique() == 3
    assert study.plan.gradient == "forward-random"
    suite = tomllib.loads((both / "study" / "suite.toml").read_text())
    assert suite["gradient"] == "forward-random"
    notes = [(both / f"{name}.csv").read_text().splitlines()[1] for name in ("forward", "forward-random")]
    assert ["deterministic" in line for line in notes] == [True, False]


def test_a_suite_with_a_gradient_uses_its_stored_trials(both, run_in_process, tmp_path, files):
    """No trial runs a second time, and the trials verify to the bit."""
    before = files(both / "study" / "trials")
    result = run_in_process(both, "run", "study/suite.toml", "-O", "study")
    assert (result.returncode, result.stdout) == (0, (both / "forward-random").read_text())
    assert files(both / "study" / "trials") == before
    verified = run_in_process(both, "verify", "study")
    assert verified.returncode == 0, verified.stdout
    assert verified.stdout.count("equal to the bit") == 1
    assert "1 stored trials of another plan or plugin were left out" in verified.stdout


def test_studies_of_two_gradients_are_compared_with_a_note(both, run_in_process, tmp_path):
    """The budgets in calls are equal, so that the prices of the gradients affect the scores."""
    for gradient in ("forward", "reverse"):
        assert run_in_process(tmp_path, "run", *BOWL, "--gradient", gradient, "-O", gradient).returncode == 0
    process = run_in_process(tmp_path, "compare", "forward", "reverse")
    assert process.returncode == 0, process.stderr
    assert process.stderr == (
        "note: the studies use different gradients, forward and reverse, each at its own price\n"
    )
    assert " +0." in process.stdout


def test_a_function_of_a_plugin_is_a_gradient_of_one_call(run_benchbed, run_in_process, tmp_path):
    """The keys contain the digest of its file, so that trials run again if the file changes."""
    plugin = tmp_path / "mine.py"
    arguments = ["run", *BOWL, "--plugin", plugin, "--gradient", "one-sided", "-O", "study"]
    plugin.write_text(PLUGIN.format(remark="as at first"))
    result = run_benchbed(tmp_path, *arguments)
    assert result.returncode == 0, result.stderr
    assert "40 calls; one-sided gradients at 1 call;" in result.stdout
    for trial in benchbed.load(
        tmp_path / "study"
    ).trials.itertuples():  # of two seeds, which are found to be equal
        assert (trial.gradient, trial.steps, trial.status) == ("one-sided", 40, "exhausted")
    plugin.write_text(PLUGIN.format(remark="as at last"))
    assert run_in_process(tmp_path, *arguments).returncode == 0
    trials = StudyFolder(tmp_path / "study").read_trials().to_pandas()
    assert trials["gradient_source"].nunique() == 2
    assert trials["trial_key"].nunique() == 4
    assert trials["final_objective"].nunique() == 1


def test_a_problem_that_a_gradient_cannot_differentiate_is_skipped(run_in_process, tmp_path):
    """The reason is on stderr, in the note and in the error of the row; the other problem runs."""
    network = "zipf-bigram[vocabulary=2, criterion=cross-entropy]"
    options = [
        "-p",
        network,
        "-p",
        "quadratic",
        "-o",
        "adam",
        *SMALL,
        "--gradient",
        "dual",
        "-O",
        "study",
    ]
    result = run_in_process(tmp_path, "run", *options)
    reason = "dual numbers do not implement torch.Tensor.log_softmax"
    assert result.returncode == 0
    assert result.stderr == f"warning: {network} × adam: skipped because {reason}; use --gradient forward\n"
    assert f"skipped: {reason}, use --gradient" in " ".join(result.stdout.split())
    study = benchbed.load(tmp_path / "study")
    assert study.summary[["skipped", "exhausted"]].values.tolist() == [
        [1, 0],
        [0, 2],
    ]  # zipf-bigram has no random numbers
    skipped = study.trials[study.trials["problem"] == "zipf-bigram"]
    assert set(skipped["error"]) == {f"{reason}; use --gradient forward"}
    assert study.lost == 0
    costs = run_in_process(tmp_path, "plan", *options[:-2])
    assert f"{network} × adam will be skipped because {reason}; use --gradient forward" in costs.stderr
    assert ", gradient dual" in costs.stdout.splitlines()[0]


def test_dual_numbers_serve_the_networks_of_the_course(run_in_process, tmp_path):
    """With 13 parameters 40 calls pay for four steps, after which the losses are those of reverse mode."""
    networks = ["-p", "shallow-network[hidden=4, activation=gelu]", "-p", "triangles", "-o", "adam"]
    options = ["--preset", "quick", "--seeds", "2", "--track", "default", "--dtype", "float64"]
    ends = {}
    for gradient, calls in (("reverse", "4"), ("dual", "40")):
        arguments = [*networks, *options, "--steps", calls, "--gradient", gradient, "-O", gradient]
        result = run_in_process(tmp_path, "run", *arguments)
        assert result.returncode == 0, result.stderr
        trials = benchbed.load(tmp_path / gradient).trials.sort_values(["problem", "seed"])
        assert trials["steps"].tolist() == [4] * 4
        ends[gradient] = trials["final_objective"].tolist()
    assert ends["dual"] == pytest.approx(ends["reverse"], rel=1e-10)
    assert len(set(ends["dual"])) == 4


def test_a_plan_counts_by_the_price_of_the_gradient(run_in_process, tmp_path):
    """A step of forward mode with 1 441 parameters costs more than 200 calls, a random direction does not."""
    arguments = ["plan", "-p", "polynomial-network", "-o", "adam", *SMALL, "--no-time", "--format", "json"]
    calls = {}
    for gradient in ("forward", "forward-random"):
        costs = json.loads(run_in_process(tmp_path, *arguments, "--gradient", gradient).stdout)
        assert costs["gradient"] == gradient
        calls[gradient] = costs["together"]["calls"]
    assert calls == {"forward": 0, "forward-random": 80}


@pytest.mark.parametrize("command", ["run", "plan"])
def test_an_unknown_gradient_is_rejected_with_a_suggestion(run_in_process, tmp_path, command):
    """Before any trial runs."""
    result = run_in_process(tmp_path, command, *BOWL, "--gradient", "finite-diference")
    assert result.returncode == 2
    assert "unknown gradient 'finite-diference'; did you mean 'finite-difference'?" in result.stderr


def test_the_list_has_the_price_of_each_gradient(run_in_process, tmp_path):
    """As a formula if it is linear in the dimension, otherwise by examples."""
    (tmp_path / "odd.py").write_text(
        PLUGIN.replace("NotServedError", "Gradient")
        .replace("register(one_sided)", "register(Gradient(one_sided, price=lambda d: d**0.5))")
        .format(remark="dearly")
    )
    listed = run_in_process(tmp_path, "list", "gradients", "--plugin", "odd.py").stdout
    prices = [line.partition("in calls: ")[2] for line in listed.splitlines() if "in calls: " in line]
    assert prices == [
        "2/3·dimension",
        "1",
        "2/3·dimension",
        "2/3; draws in every step",
        "2/3·dimension + 1/3",
        "1 at dimension 1, 3.16228 at dimension 10, 31.6228 at dimension 1000",
    ]


def test_a_gradient_is_an_argument_in_python(tmp_path, monkeypatch):
    """As each option."""
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
    study = benchbed.run(
        problems=["quadratic[start=2]"],
        optimizers=["gd"],
        preset="quick",
        tracks=["default"],
        steps=20,
        gradient="finite-difference",
        executor="serial",
        output=tmp_path / "study",
    )
    assert study.trials[["gradient", "steps"]].values.tolist() == [["finite-difference", 12]]
