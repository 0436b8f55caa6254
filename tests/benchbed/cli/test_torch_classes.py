"""Tests of torch's classes and plain functions on the command line, in one run of all forms."""

import json

import pytest

SOURCE = """
import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer, torch_optimizer


class SignDescent(torch.optim.Optimizer):
    def __init__(self, params, lr: float = 1e-3) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for block in self.param_groups[0]["params"]:
            block.sub_(block.grad.sign(), alpha=self.param_groups[0]["lr"])


def one_cycle(layout, budget, lr=1e-3):
    def build(blocks):
        optimizer = torch.optim.Adam(blocks.values(), lr=lr)
        return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, budget)
    return torch_optimizer(build, layout)


def plain(lr=1e-3, powers=(1, 2)):
    assert isinstance(powers, tuple)
    def update(oracle, state, theta):
        return theta - lr * oracle.gradient.sign() ** powers[0], state
    return Optimizer(init=lambda theta: (), update=update)


@hookimpl
def register_optimizers(register):
    register(SignDescent)
    register(plain)
    register(one_cycle)
"""
MUON = "torch.optim:Muon[learning_rate=0.02, others=torch.optim:AdamW]"


@pytest.fixture(scope="module")
def finished(run_in_process, tmp_path_factory):
    """Run one study of all forms, with a refusal: quadratic has no matrix."""
    folder = tmp_path_factory.mktemp("torch")
    (folder / "rules").mkdir()
    (folder / "rules" / "own.py").write_text(SOURCE)
    options = ["--preset", "quick", "--steps", "5", "--seeds", "1", "--track", "default", "--format", "json"]
    optimizers = ["rules/own.py:SignDescent", "sign-descent", "plain[powers=(1, 3)]", "one-cycle", MUON]
    result = run_in_process(
        folder, "run", "--plugin", "rules/own.py", "-p", "quadratic", "-p", "polynomial-network", *options,
        *(argument for optimizer in optimizers for argument in ("-o", optimizer)), "-O", "study",
    )  # fmt: skip
    return folder, result


def test_a_class_is_the_same_from_a_file_and_registered(finished):
    """Also in a folder, so that its name is a path, and equal to the function with the same rule."""
    _, result = finished
    rows = json.loads(result.stdout)["summary"]
    gaps = {(row["problem"], row["optimizer"]): row["gap"] for row in rows}
    assert gaps["quadratic", "rules/own.py:SignDescent"] == gaps["quadratic", "sign-descent"]
    assert gaps["quadratic", "sign-descent"] == pytest.approx(
        gaps["quadratic", "plain[powers=[1, 3]]"], rel=1e-12
    )
    assert gaps["polynomial-network", MUON] > 0


def test_a_factory_that_takes_the_budget_knows_it(finished):
    """It is noted as for a rule that reads the progress; OneCycleLR would fail with fewer steps than the budget."""
    _, result = finished
    rows = json.loads(result.stdout)["summary"]
    noted = {row["optimizer"] for row in rows if "knows the budget" in row["notes"]}
    assert noted == {"one-cycle"}
    assert all(row["gap"] is not None for row in rows if row["optimizer"] == "one-cycle")


def test_a_refusal_is_one_line(finished):
    """With the pairing, the blocks and the reason of the class; exit code 1, and the other pairings have results."""
    _, result = finished
    assert result.returncode == 1
    (line,) = [line for line in result.stderr.splitlines() if "refuses" in line]
    assert (
        "quadratic × torch.optim:Muon: ValueError: it refuses the blocks 'theta' 2: Muon only supports 2D"
        in line
    )


def test_the_environment_names_the_files_of_a_class(finished):
    """With digests, and those of nested classes."""
    folder, _ = finished
    (file,) = (folder / "study" / "environments").glob("*.json")
    sources = json.loads(file.read_text())["sources"]
    assert list(sources["optimizer rules/own.py:SignDescent"]["files"]) == ["own.py"]
    muon = sources["optimizer torch.optim:Muon"]
    assert "torch.optim.adamw" in muon["files"]
    assert len(muon["files"]) == 2


def test_a_class_of_the_working_directory_gets_a_sentence(finished, run_benchbed):
    """Modules beside the user are not imported, and the sentence has the form that works."""
    folder, _ = finished
    result = run_benchbed(folder, "run", "-p", "quadratic", "-o", "rules.own:SignDescent")
    assert result.returncode == 2
    assert "write rules/own.py:SignDescent" in result.stderr
