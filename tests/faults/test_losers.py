"""Optimizers that stay, diverge or crash rank behind one that converges, in all outputs."""

import pytest

import benchbed
from benchbed.reports.ranking import leading_rows, rank_rows

pytestmark = pytest.mark.slow

LOSERS = ["stuck", "diverges", "dies"]
PLUGIN = '''
import os
from typing import NamedTuple

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer


class LoserState(NamedTuple):
    steps: torch.Tensor


def rule(change):
    def update(oracle, state, theta):
        return change(theta, state.steps), LoserState(state.steps + 1)

    return Optimizer(init=lambda theta: LoserState(torch.zeros_like(theta[..., :1])), update=update)


def stuck():
    """Go to 99 % of the starting gap of a quadratic around 0, and stay there."""
    return rule(lambda theta, steps: torch.where(steps == 0, theta * 0.99**0.5, theta))


def diverges():
    return rule(lambda theta, steps: theta * 2)


def dies():
    return rule(lambda theta, steps: os._exit(3))


@hookimpl
def register_optimizers(register):
    for loser in (stuck, diverges, dies):
        register(loser)
'''


@pytest.fixture(scope="module")
def ran(run_benchbed, run_once):
    """Run the losers first and gradient descent, which converges, last."""

    def fill(folder):
        (folder / "losers.py").write_text(PLUGIN)
        names = [argument for name in (*LOSERS, "gd") for argument in ("-o", name)]
        options = [
            "-p",
            "quadratic",
            "-p",
            "quadratic[start=2]",
            *names,
            "--track",
            "default",
            "--preset",
            "quick",
            "--seeds",
            "6",  # three show no significant difference
        ]
        result = run_benchbed(folder, "run", "--plugin", "losers.py", *options, "-O", "study")
        assert result.returncode == 1, result.stderr
        (folder / "stdout").write_text(result.stdout)

    return run_once("losers", fill)


def test_the_losers_have_their_statuses(ran):
    """The other tests depend on it."""
    summary = benchbed.load(ran / "study").summary.set_index(["problem", "optimizer"])
    trials = benchbed.load(ran / "study").trials
    first = trials[trials["optimizer"] == "stuck"]["curve_objective"].map(lambda curve: curve[0])
    last = trials[trials["optimizer"] == "stuck"]["final_objective"]
    assert (last / first).round(9).eq(0.99).all()
    for name, status in (("stuck", "exhausted"), ("diverges", "diverged"), ("dies", "crashed")):
        assert (
            summary.xs(name, level="optimizer")[status] == summary.xs(name, level="optimizer")["trials"]
        ).all()


def test_the_winner_converges(ran):
    """It leads in the summary and the groups, and has a star; default rates have no overall score."""
    results = benchbed.load(ran / "study").results
    for problem in results.problems:
        order = list(rank_rows(results.summary[results.summary["problem"] == problem])["optimizer"])
        assert order == ["gd", *order[1:]]
    groups = results.groups.set_index(["problem", "optimizer"])["group"]
    assert (groups.xs("gd", level="optimizer") == 1).all()
    for problem in results.problems:
        assert (groups.loc[problem][LOSERS] > 1).all()
    assert results.overall["score"].isna().all()
    assert set(results.summary["optimizer"][leading_rows(results.summary, results.groups)]) == {"gd"}


def test_the_findings_name_the_winner(ran):
    """Findings are the last lines of stdout."""
    sentence = " ".join((ran / "stdout").read_text().split())
    assert sentence.count("default track: gd has the highest score") == 2
