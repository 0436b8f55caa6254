"""Tests of `benchbed reference`: the value becomes f* of later studies, until the problem changes."""

import json
import math

import pytest

pytestmark = pytest.mark.slow

PLUGIN = '''
from dataclasses import dataclass

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Layout, Problem


@dataclass(frozen=True)
class Convex(Problem):
    """Minimize log(1 + exp x) + exp(−2 x)."""

    scale_instances = 5
    is_convex = True

    @property
    def layout(self):
        return Layout({"x": (1,)})

    def make_start(self, generator):
        return 3 + torch.rand(1, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        return (theta.exp().log1p() + (-2 * theta).exp()).sum(-1)


@dataclass(frozen=True)
class Exact(Convex):
    """The same with an optimum."""

    def optimum(self, data):
        return torch.tensor(0.0)


@hookimpl
def register_problems(register):
    register(Convex)
    register(Exact)
'''


def test_a_reference_value_gives_a_score(run_in_process, tmp_path):
    """The minimum is where exp(3 x) = 2 (1 + exp x); an edit withdraws it, with a warning."""
    plugin = tmp_path / "convex.py"
    plugin.write_text(PLUGIN, encoding="utf-8")
    run = ["run", "--plugin", plugin, "-p", "convex", "-o", "gd[learning_rate=0.3]", "--track", "default"]
    run += ["--steps", "200", "--seeds", "2", "-O", "study"]
    before = run_in_process(tmp_path, *run)
    assert "no known optimum" in before.stdout

    computed = run_in_process(tmp_path, "reference", "convex", "exact", "--plugin", plugin)
    assert computed.returncode == 1
    assert "certified by convexity" in computed.stdout
    assert "error: exact: problem 'exact' has an `optimum` of its own" in computed.stderr
    (reference,) = json.loads((tmp_path / "convex.references.json").read_text())
    u = 1.769292354238631  # u³ − 2 u − 2 = 0
    assert abs(reference["value"] - math.log1p(u) - u**-2) < 1e-14

    scored = run_in_process(tmp_path, *run)
    assert "f* is a reference value (certified)" in scored.stdout
    assert "success at gap" in scored.stdout
    assert scored.stderr.count("warning: problem") == 0

    plugin.write_text(PLUGIN.replace("-2 * theta", "-3 * theta"), encoding="utf-8")
    stale = run_in_process(tmp_path, *run)
    assert "warning: problem 'convex' has no score: the reference value of Convex" in stale.stderr
    assert "no known optimum" in stale.stdout
