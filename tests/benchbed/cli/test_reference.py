"""Tests of `benchbed reference`: stored results on pages, and values that become f* of later studies."""

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

    computed = run_in_process(tmp_path, "reference", "value", "convex", "exact", "--plugin", plugin)
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


def test_saved_results_are_on_the_pages_of_other_studies(run_in_process, tmp_path):
    """If budget and preset agree; otherwise the page has the reason."""
    data = {"XDG_DATA_HOME": tmp_path / "data"}
    common = ["-p", "quadratic", "--preset", "quick", "--seeds", "2", "--track", "default"]
    for name, steps in (("gd", 20), ("momentum", 20), ("adam", 30)):
        assert (
            run_in_process(
                tmp_path, "run", *common, "-o", name, "--steps", steps, "-O", name, **data
            ).returncode
            == 0
        )
    saved = run_in_process(tmp_path, "reference", "save", "gd", "--name", "mine", **data)
    file = tmp_path / "data" / "benchbed" / "references" / "mine-1.json"
    digest = json.loads(file.read_text())["digest"]
    assert saved.stdout == f"mine 1: stored in {file}; SHA-256 {digest}\n"
    again = run_in_process(tmp_path, "reference", "save", "gd", "--name", "mine", **data)
    assert again.stdout == f"mine 1: these results are stored already, in {file}; SHA-256 {digest}\n"
    listed = run_in_process(tmp_path, "reference", "list", **data)
    assert listed.returncode == 0
    assert listed.stdout.splitlines()[-1] == (
        f"mine 1: protocol 2, preset quick, 1 problem, 1 optimizer; SHA-256 {digest[:12]}; {file}"
    )
    for name in ("gd", "momentum", "adam"):
        report = run_in_process(tmp_path, "report", name, "--only", "page", plots=True, **data)
        assert report.returncode == 0, report.stderr
    pages = {name: (tmp_path / name / "index.html").read_text() for name in ("gd", "momentum", "adam")}
    assert "gd (mine 1)" in pages["momentum"]
    assert "(mine 1)" not in pages["gd"] + pages["adam"]
    assert "mine 1 are left out on quadratic, with budget 20 there and 30 here." in pages["adam"]

    file.write_text(file.read_text().replace('"reverse"', '"forward"'))
    damaged = run_in_process(tmp_path, "reference", "list", **data)
    assert damaged.returncode == 1
    assert damaged.stderr == (
        f"error: {file} was changed after it was stored; remove it, or save the study again\n"
    )
    report = run_in_process(tmp_path, "report", "momentum", "--only", "page", plots=True, **data)
    assert report.returncode == 0, report.stderr
    assert report.stderr.count(f"warning: {file} was changed after it was stored") == 1
    assert "was changed after it was stored" in (tmp_path / "momentum" / "index.html").read_text()


def test_standard_results_are_shipped(run_in_process, tmp_path):
    """For the optimizers of the suite standard."""
    listed = run_in_process(tmp_path, "reference", "list")
    assert listed.stdout.startswith(
        "standard 3: protocol 2, preset standard, 4 problems, 7 optimizers; SHA-256 "
    )


def test_a_missing_study_is_no_reference(run_in_process, tmp_path):
    """The error names the folder."""
    process = run_in_process(tmp_path, "reference", "save", "nowhere")
    assert process.returncode == 3
    assert "nowhere" in process.stderr
