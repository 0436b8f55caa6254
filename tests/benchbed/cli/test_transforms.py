"""Tests of transforms on the command line, in one run of a third party's and of built-in ones."""

import json

import pytest

SOURCE = """
from dataclasses import dataclass

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Layout, Problem, TransformedProblem


@dataclass(frozen=True)
class Stretched(TransformedProblem):
    factor: float = 2.0

    def to_original(self, theta, own):
        return self.factor * theta

    def from_original(self, theta, own):
        return theta / self.factor


def fragile(problem):
    if problem.layout.dimension == 7:
        raise RuntimeError("seven coordinates")
    return problem


@dataclass(frozen=True)
class Dropped(Problem):
    per_trial = True
    layout = Layout({"theta": (3,)})

    def make_start(self, generator):
        return torch.ones(3, dtype=torch.float64)

    def loss(self, theta, data, draw):
        return torch.nn.functional.dropout(theta, 0.5).square().sum()

    def objective(self, theta, data):
        return theta.square().sum(-1)

    def optimum(self, data):
        return torch.tensor(0.0)


@hookimpl
def register_transforms(register):
    register(Stretched)
    register(fragile)


@hookimpl
def register_problems(register):
    register(Dropped)
"""
PROBLEMS = (
    "quadratic",
    "rotated(quadratic)",
    "stretched(rotated(quadratic[dimension=3], seed=1), factor=[2, 4])",
    "noisy(dropped, tail=student)",
    "quantized(quadratic, rounding=stochastic)",
    "fragile(quadratic[dimension=7])",
)
OPTIONS = ["--preset", "quick", "--steps", "20", "--seeds", "2", "--track", "default", "--format", "json"]


@pytest.fixture(scope="module")
def study(run_benchbed, tmp_path_factory):
    """Run one study; return its rows by problem and optimizer, its folder and the result."""
    folder = tmp_path_factory.mktemp("transforms")
    folder.joinpath("mine.py").write_text(SOURCE)
    chosen = [argument for problem in PROBLEMS for argument in ("-p", problem)]
    optimizers = ["-o", "sgd", "-o", "torch.optim:SGD[learning_rate=0.01]"]
    result = run_benchbed(folder, "run", "--plugin", "mine.py", *chosen, *optimizers, *OPTIONS, "-O", "study")
    rows = {(row["problem"], row["optimizer"]): row for row in json.loads(result.stdout)["summary"]}
    return rows, folder, result


def test_each_setting_of_a_transform_has_a_row(study):
    """Labels are canonical: parameters that differ from their defaults, with the transform's name."""
    assert list(dict.fromkeys(problem for problem, _ in study[0])) == [
        "quadratic",
        "rotated(quadratic)",
        "stretched(rotated(quadratic))[dimension=3, rotated_seed=1]",
        "stretched(rotated(quadratic))[dimension=3, rotated_seed=1, stretched_factor=4]",
        "noisy(dropped)[noisy_tail=student]",
        "quantized(quadratic)[quantized_rounding=stochastic]",
        "fragile(quadratic)[dimension=7]",
    ]


def test_instances_are_those_of_the_original_problem(study):
    """Gradient descent has the same gap after a rotation, by the rule of benchbed and by the class of torch."""
    rows, _, _ = study
    for optimizer in ("sgd", "torch.optim:SGD"):
        gaps = [row["gap"] for (problem, name), row in rows.items() if name.startswith(optimizer)][:2]
        assert gaps[1] == pytest.approx(gaps[0], rel=1e-10)


def test_a_transform_that_raises_fails_its_trials(study):
    """And no others; the reason names the line of the plugin."""
    rows, _, result = study
    assert result.returncode == 1
    assert "planning it raised RuntimeError: seven coordinates (mine.py:23)" in result.stderr
    failed = {problem for (problem, _), row in rows.items() if row["failed"]}
    assert failed == {"fragile(quadratic)[dimension=7]"}


def test_a_resumed_study_runs_nothing(study, run_benchbed):
    """The identities of transformed problems do not depend on the process; only the failed trials run again."""
    folder = study[1]
    before = complete(folder)
    run_benchbed(folder, "run", "study/suite.toml", "--plugin", "mine.py", "-O", "study")
    assert complete(folder) == before


def complete(folder):
    """List the files of the trials that did not fail."""
    return sorted(path for path in folder.glob("study/trials/*.parquet") if "fragile" not in path.name)


def test_transforms_are_listed_with_their_parameters(study, run_benchbed):
    """Those of a third party too."""
    result = run_benchbed(study[1], "list", "transforms", "--plugin", "mine.py")
    assert result.returncode == 0
    assert "factor=2" in result.stdout
    assert "within=all, seed=none" in result.stdout
