"""`benchbed check` lists claims of plugins with their faults, and the cost of a step."""

import json

import pytest

pytestmark = pytest.mark.slow

PLUGIN = '''
import os
from dataclasses import dataclass
from typing import NamedTuple

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Layout, Optimizer, Problem


class NoState(NamedTuple):
    pass


def rule(change):
    def update(oracle, state, theta):
        return theta - change(oracle.gradient), state

    return Optimizer(init=lambda theta: NoState(), update=update)


def fine(learning_rate=0.01):
    return rule(lambda gradient: learning_rate * gradient)


def mixing(learning_rate=0.01):
    return rule(lambda gradient: learning_rate * gradient / gradient.norm())


def deciding(learning_rate=0.01):
    return rule(lambda gradient: learning_rate * gradient * (0.0 if gradient.norm() > 1e9 else 1.0))


def fourier(learning_rate=0.01):
    return rule(lambda gradient: learning_rate * torch.fft.fft(gradient, dim=-1).real)


@dataclass(frozen=True)
class Tilted(Problem):
    """A bowl with a wrong minimizer."""

    @property
    def layout(self):
        return Layout({"theta": (2,)})

    def make_start(self, generator):
        return torch.randn(2, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        return (theta**2).sum(-1)

    def optimum(self, data):
        return torch.tensor(0.0)

    def minimizer(self, data):
        return torch.ones(2, dtype=torch.float64)


@hookimpl
def register_optimizers(register):
    for factory in (fine, mixing, deciding, fourier):
        register(factory)


@hookimpl
def register_problems(register):
    register(Tilted)


@hookimpl
def register_metrics(register):
    register(lambda problem, theta, data: None, name="nothing")
'''

EXITING = """
import os


def exiting(learning_rate=0.01):
    def change(gradient):
        if gradient.dim() == 1:
            os._exit(0)
        return learning_rate * gradient

    return rule(change)
"""


@pytest.fixture(scope="module")
def checked(run_once, run_in_process):
    """Return the exit code of the check of a file, and the report of each object by name."""

    def fill(folder):
        (folder / "mine.py").write_text(PLUGIN)
        result = run_in_process(folder, "check", "mine.py", "--format", "json")
        (folder / "result.json").write_text(json.dumps([result.returncode, result.stdout, result.stderr]))

    folder = run_once("checked-plugin", fill)
    code, output, errors = json.loads((folder / "result.json").read_text())
    assert errors == ""
    return code, {report["name"]: report for report in json.loads(output)}


def failed_claims(report):
    """Return the errors of a report by the name of the claim."""
    return {claim["name"]: claim["error"] for claim in report["claims"] if claim["error"] is not None}


def test_a_broken_claim_sets_the_exit_code(checked):
    """1, for the whole file."""
    assert checked[0] == 1


def test_every_object_of_a_file_has_a_report(checked):
    """Objects without claims of their own, such as metrics, are only registered."""
    reports = checked[1]
    assert {name: report["kind"] for name, report in reports.items()} == {
        "tilted": "problems", "fine": "optimizers", "mixing": "optimizers",
        "deciding": "optimizers", "fourier": "optimizers", "nothing": "metrics",
    }  # fmt: skip
    assert [claim["name"] for claim in reports["nothing"]["claims"]] == ["registration"]
    assert [reports[name]["passed"] for name in ("fine", "mixing")] == [True, False]


def test_a_broken_rule_has_the_likely_mistake(checked):
    """In the claims of the conformance tests, and on a problem."""
    failures = failed_claims(checked[1]["mixing"])
    assert list(failures) == ["lane-counts", "single-trial", "pairing"]
    assert all("reduce over the last dimension alone" in error for error in failures.values())


def test_a_decision_for_all_trials_is_named_with_its_line(checked):
    """No trial of the check comes near the limit of 1e9."""
    failures = failed_claims(checked[1]["deciding"])
    line = PLUGIN.splitlines().index("def deciding(learning_rate=0.01):") + 2
    assert list(failures) == ["pairing"]
    assert "optimizer 'deciding' mixes trials" in failures["pairing"]
    assert f"mine.py:{line})" in failures["pairing"]


def test_a_wrong_minimizer_fails_its_claim_alone(checked):
    """Its pairing runs all the same."""
    report = checked[1]["tilted"]
    assert list(failed_claims(report)) == ["optimum"]
    assert report["step"]["optimizer"] == "sgd"


def test_a_step_that_compiles_has_a_second_cost(checked):
    """Compiled steps of a hundred trials take less time than eager ones on every machine."""
    step = checked[1]["fine"]["step"]
    assert step["compilation_fault"] is None
    assert 0 < step["compiled_microseconds"] < step["eager_microseconds"]


def test_an_operation_that_prevents_compiling_is_named_with_its_line(checked):
    """The optimizer works all the same."""
    report = checked[1]["fourier"]
    line = 1 + PLUGIN.splitlines().index(
        "    return rule(lambda gradient: learning_rate * torch.fft.fft(gradient, dim=-1).real)"
    )
    assert report["passed"]
    assert report["step"]["compiled_microseconds"] is None
    assert "aten::_fft_r2c" in report["step"]["compilation_fault"]
    assert f"mine.py:{line}" in report["step"]["compilation_fault"]


def test_the_text_lists_claims_and_their_sum(tmp_path, run_in_process):
    """For a registered name, a class of torch and a reference to a function."""
    (tmp_path / "mine.py").write_text(PLUGIN)
    result = run_in_process(tmp_path, "check", "torch.optim:SGD", "mine.py:fine[learning_rate=0.5]")
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "optimizer torch.optim:SGD"
    assert "optimizer fine[learning_rate=0.5]" in lines
    assert "    compiled  no: the optimizer runs one trial at a time" in lines
    assert lines[-1] == "12 claims about 2 objects: all passed"


def test_wrappers_and_transforms_are_measured_around_known_parts(tmp_path, run_in_process):
    """The problem and the optimizer of the pairing are those that the user names."""
    options = ["-p", "quadratic[dimension=3]", "-o", "momentum", "--format", "json"]
    result = run_in_process(tmp_path, "check", "clip[norm=2]", "rotated", *options)
    assert result.returncode == 0, result.stdout + result.stderr
    pairings = [
        (report["step"]["problem"], report["step"]["optimizer"]) for report in json.loads(result.stdout)
    ]
    assert pairings == [
        ("quadratic[dimension=3]", "clip(momentum)[clip_norm=2]"),
        ("rotated(quadratic)[dimension=3]", "momentum"),
    ]


def test_a_file_that_cannot_be_loaded_fails_the_first_claim(tmp_path, run_in_process):
    """With the line of the error."""
    (tmp_path / "broken.py").write_text("import torch\n1 / 0\n")
    (tmp_path / "mine.py").write_text(PLUGIN)
    result = run_in_process(tmp_path, "check", "broken.py", "broken.py:other", "mine.py:fien")
    assert result.returncode == 1
    faults = [line.strip() for line in result.stdout.splitlines() if line.startswith(10 * " ")]
    assert faults[0].endswith("division by zero (broken.py:2)")
    assert faults[1].startswith("'broken.py:other' cannot be used: ")  # it may be a problem
    assert faults[1].endswith("division by zero; correct the file")
    assert faults[2] == "fien does not exist in mine.py; did you mean 'fine'?"


def test_a_file_that_registers_nothing_fails(tmp_path, run_in_process):
    """Otherwise all of its zero claims would hold."""
    (tmp_path / "empty.py").write_text(
        "from benchbed.hookspecs import hookimpl\n\n\n@hookimpl\ndef register_optimizers(register):\n    pass\n"
    )
    result = run_in_process(tmp_path, "check", "empty.py")
    assert result.returncode == 1
    assert "it registers no object; call the argument of its hook" in result.stdout


def test_references_with_one_name_are_not_mistaken_for_each_other(tmp_path, run_in_process):
    """The second would otherwise be checked in place of the first; one reference may have several settings."""
    for name in ("first", "second"):
        (tmp_path / f"{name}.py").write_text(PLUGIN)
    result = run_in_process(tmp_path, "check", "first.py:fine", "second.py:fine")
    assert result.returncode == 1
    assert result.stdout.count("optimizer 'fine' is also registered by plugin 'fine'") == 2
    settings = ["first.py:fine[learning_rate=0.5]", "first.py:fine[learning_rate=0.1]"]
    result = run_in_process(tmp_path, "check", *settings)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "\n\noptimizer fine[learning_rate=0.1]\n" in result.stdout


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("adm", "unknown name 'adm'; did you mean 'adam'?"),
        ("nowhere.py", "plugin file 'nowhere.py' cannot be read"),
        ("cosin(adam)", "unknown wrapper 'cosin'; did you mean 'cosine'?"),
    ],
)
def test_an_unknown_target_is_wrong_usage(target, message, tmp_path, run_in_process):
    """With a similar name."""
    result = run_in_process(tmp_path, "check", target)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["adam", "-p", "quadratik"], "unknown problem 'quadratik'; did you mean 'quadratic'?"),
        (["adam", "-p", "quadratic[dimensio=3]"], "no parameter 'dimensio'; did you mean 'dimension'?"),
        (["adam[learning_rat=1]"], "adam has no parameter 'learning_rat'; did you mean 'learning_rate'?"),
    ],
)
def test_a_misspelt_pairing_is_wrong_usage(arguments, message, tmp_path, run_in_process):
    """Of the object or of the problem on which it is measured."""
    result = run_in_process(tmp_path, "check", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_plugin_that_ends_its_process_fails_one_claim(tmp_path, run_benchbed):
    """Its other claims are checked in processes of their own."""
    plugin = PLUGIN.replace("@hookimpl", f"{EXITING}\n\n@hookimpl", 1).replace(
        "(fine, mixing, deciding, fourier)", "[exiting]"
    )
    (tmp_path / "mine.py").write_text(plugin)
    result = run_benchbed(tmp_path, "check", "mine.py:exiting")
    assert result.returncode == 1, result.stderr
    assert result.stdout.count("FAILED") == 1
    assert "checking it did not return: the process exited with code 0" in result.stdout
