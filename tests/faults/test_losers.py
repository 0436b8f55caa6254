"""What is stuck, diverges or crashes stands behind what converges, in everything that a study shows."""

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


class Steps(NamedTuple):
    made: torch.Tensor


def rule(change):
    def update(oracle, state, theta):
        return change(theta, state.made), Steps(state.made + 1)

    return Optimizer(init=lambda theta: Steps(torch.zeros_like(theta[..., :1])), update=update)


def stuck():
    """Go to 99 % of the starting gap of a quadratic around 0, and stay there."""
    return rule(lambda theta, made: torch.where(made == 0, theta * 0.99**0.5, theta))


def diverges():
    return rule(lambda theta, made: theta * 2)


def dies():
    return rule(lambda theta, made: os._exit(3))


@hookimpl
def register_optimizers(register):
    for loser in (stuck, diverges, dies):
        register(loser)
'''


@pytest.fixture(scope="module")
def ran(bench, once):
    """Run them first, and a descent that converges last."""

    def fill(folder):
        (folder / "losers.py").write_text(PLUGIN)
        names = [argument for name in (*LOSERS, "gd") for argument in ("-o", name)]
        asked = [
            "-p",
            "quadratic",
            "-p",
            "quadratic[start=2]",
            *names,
            "--track",
            "default",
            "--preset",
            "quick",
        ]
        result = bench(folder, "run", "--plugin", "losers.py", *asked, "-O", "study")
        assert result.returncode == 1, result.stderr
        (folder / "stdout").write_text(result.stdout)

    return once("losers", fill)


def test_the_losers_lost_as_they_should(ran):
    """Otherwise nothing below would say anything."""
    summary = benchbed.load(ran / "study").summary.set_index(["problem", "optimizer"])
    trials = benchbed.load(ran / "study").trials
    first = trials[trials["optimizer"] == "stuck"]["curve_objective"].map(lambda curve: curve[0])
    last = trials[trials["optimizer"] == "stuck"]["final_objective"]
    assert (last / first).round(9).eq(0.99).all()
    for name, status in (("stuck", "exhausted"), ("diverges", "diverged"), ("dies", "crashed")):
        assert (
            summary.xs(name, level="optimizer")[status] == summary.xs(name, level="optimizer")["trials"]
        ).all()


def test_the_winner_is_the_one_that_converges(ran):
    """In the summary, the groups and the overall score, and with a star."""
    results = benchbed.load(ran / "study").results
    for problem in results.problems:
        order = list(rank_rows(results.summary[results.summary["problem"] == problem])["optimizer"])
        assert order == ["gd", *order[1:]]
    groups = results.groups.set_index(["problem", "optimizer"])["group"]
    assert (groups.xs("gd", level="optimizer") == 1).all()
    assert (groups.loc[""][LOSERS] > 1).all()
    overall = results.overall.set_index("optimizer")["score"]
    assert (overall[LOSERS] < overall["gd"]).all()
    assert set(results.summary["optimizer"][leading_rows(results.summary, results.groups)]) == {"gd"}


def test_the_findings_name_it(ran):
    """The last words on standard output."""
    sentence = " ".join((ran / "stdout").read_text().split())
    assert "default track, mean over 2 problems: gd leads alone" in sentence
