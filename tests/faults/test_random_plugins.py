"""Random plugins are rejected, or their numbers are those of a plain loop.

`BENCHBED_TEST_EXAMPLES=2000 pytest tests/faults/test_random_plugins.py` runs as many random examples a test; by default
few and always the same ones run.
"""

import itertools
import json
import math
import os
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import msgspec
import pytest
import torch
from hypothesis import strategies

from benchbed.catalog.discovery import DISABLE
from benchbed.catalog.loading import load_catalog
from benchbed.errors import BenchbedError
from benchbed.plan import Request, complete_request, make_plan
from benchbed.runner.task import Task, run_task
from benchbed.store import from_bytes
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import missing_batches

sys.path.insert(0, str(Path(__file__).parent))  # tests are not packages
import plain_loop
import plugin_mutations
import random_plugins

sys.path.pop(0)

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("BENCHBED_TEST_EXAMPLES", "0"))
RATES = (0.02, 0.05)
SEEDS = 3
TOLERANCE = {"float64": 1e-10, "float32": 2e-4}
"""Relative to the largest value of the curve: some thousand roundings, since the order of operations differs."""
NUMBERS = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def other_plugins_are_disabled():
    """Load the plugin file without the built-in problems and optimizers, which takes a tenth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DISABLE, "course,optimizers,problems,reports")
        yield


def examples(default, name=""):
    """Set the number of examples: random ones on request, by default the same ones, for this name, in every run."""
    settings = hypothesis.settings(
        max_examples=EXAMPLES or default,
        derandomize=not EXAMPLES,
        phases=[hypothesis.Phase.generate],  # an example takes seconds, so that none is made smaller
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    if EXAMPLES:
        return settings
    return lambda test: hypothesis.seed(zlib.crc32(name.encode()))(settings(test))


def run(file, engine, seeds, rates):
    """Run the plugin file as a worker does, and yield its rows; none if benchbed rejects it before it runs."""
    request = Request(
        problems=("random-problem",), optimizers=(f"random-rule[learning_rate={list(rates)}]",), preset="quick",
        tracks=("default",), steps=plain_loop.BUDGET, seeds=seeds, engine=engine, stop_when_solved=False, device="cpu",
    )  # fmt: skip
    try:
        catalog = load_catalog([file])
        plan = make_plan(catalog, complete_request(catalog, request, None))
    except BenchbedError as error:
        hypothesis.note(f"{engine}, {seeds} seeds: {error}")
        return
    bare_plan = msgspec.structs.replace(plan, problems=(), entrants=(), suite={})
    for pairing in plan.pairings():
        for batch in missing_batches(PairingState(plan, pairing)):
            task = Task(bare_plan, batch, (str(file),), jobs=1)
            yield from from_bytes(run_task(msgspec.json.encode(task))).to_pylist()


def check(problem, optimizer, tmp_path_factory):
    """Run both engines on one trial and on a batch, and compare every row; return the outcomes."""
    folder = tmp_path_factory.mktemp("example")
    file = folder / f"plugin_{next(NUMBERS)}.py"
    file.write_text(random_plugins.source_of(problem, optimizer))
    hypothesis.note(file.read_text())
    outcomes = []
    for engine, (seeds, rates) in itertools.product(("eager", "compiled"), ((1, RATES[:1]), (SEEDS, RATES))):
        for row in run(file, engine, seeds, rates):
            rate = json.loads(row["hyperparameters"])["learning_rate"]
            hypothesis.note(
                f"{engine}, {seeds} seeds: {row['status']} at {rate} on seed {row['seed']}: {row['error']}"
            )
            outcomes.append(outcome_of(problem, optimizer, SimpleNamespace(**row), rate))
    return outcomes


def outcome_of(problem, optimizer, row, rate):
    """Return "rejected" or "equal"; fail if the row is neither."""
    if row.status == "failed":
        assert row.error
        return "rejected"
    must_be_rejected = plugin_mutations.must_be_rejected(problem, optimizer)
    assert not must_be_rejected, f"{row.status} in spite of {problem.mutation or optimizer.mutation}"
    plain = plain_loop.run_plain_trial(problem, optimizer, rate, row.seed)
    assert not plain.has_failed, "the plugin raises for this trial, and the row has numbers"
    nudge = 8 * torch.finfo(getattr(torch, problem.dtype)).eps
    nudged = plain_loop.run_plain_trial(problem, optimizer, rate, row.seed, nudge)
    size = max([1.0, *(abs(value) for value in plain.objective if math.isfinite(value))])
    tolerance = TOLERANCE[problem.dtype] * size
    # A sign or a branch may depend on the last bit of its argument: then no tolerance holds.
    hypothesis.assume(plain.objective == pytest.approx(nudged.objective, abs=tolerance / 10, nan_ok=True))
    curve = list(row.curve_objective)
    if plain.is_finite:
        assert row.status == "exhausted"
        assert curve == pytest.approx(plain.objective, rel=0, abs=tolerance)
        assert row.final_objective == curve[-1]
        assert list(row.final_theta) == pytest.approx(plain.theta.tolist(), rel=0, abs=tolerance)
        check_gap(problem, row, plain, tolerance)
    else:
        assert row.status == "diverged"
    return "equal"


def check_gap(problem, row, plain, tolerance):
    """Check the gap of a row; a wrong optimum has none."""
    if "optimum" in problem.mutation:
        assert row.score_error or row.gap is None
    elif not problem.is_optimum_known:
        assert row.gap is None
    else:
        scale = plain_loop.scale_of_plain_trials(problem)
        assert row.scale == pytest.approx(scale, rel=1e-12)
        assert row.gap == pytest.approx(plain.objective[-1] / scale, rel=0, abs=tolerance / scale)


NOTHING = strategies.just("")


@examples(8)
@hypothesis.given(problem=random_plugins.problems(NOTHING), optimizer=random_plugins.optimizers(NOTHING))
def test_right_plugins_have_the_numbers_of_a_plain_loop(problem, optimizer, tmp_path_factory):
    """Both engines, one trial alone and a batch."""
    assert set(check(problem, optimizer, tmp_path_factory)) == {"equal"}


@examples(1)
@hypothesis.given(
    problem=random_plugins.problems(strategies.just("mean of all lanes")).map(
        lambda problem: problem._replace(terms=("quartic",), is_per_trial=False, has_fixed_start=True)
    ),
    optimizer=random_plugins.optimizers(NOTHING),
)
def test_trials_with_one_start_cannot_hide_that_they_are_mixed(problem, optimizer, tmp_path_factory):
    """A mean over trials at the same point is the value of each; a trial alone may still have right numbers."""
    assert "rejected" in check(problem, optimizer, tmp_path_factory)


@pytest.mark.parametrize("mutation", plugin_mutations.PROBLEM_MUTATIONS)
def test_wrong_problems_are_rejected_or_harmless(mutation, tmp_path_factory):
    """A mutation of the problem changes no number."""
    check_mutation(mutation, strategies.just(mutation), NOTHING, tmp_path_factory)


@pytest.mark.parametrize("mutation", plugin_mutations.OPTIMIZER_MUTATIONS)
def test_wrong_optimizers_are_rejected_or_harmless(mutation, tmp_path_factory):
    """A mutation of the optimizer changes no number."""
    check_mutation(mutation, NOTHING, strategies.just(mutation), tmp_path_factory)


def check_mutation(mutation, of_problem, of_optimizer, tmp_path_factory):
    """Check examples of a mutation; each mutation has other ones, but for the simplest plugin, which is left out."""

    @examples(1, mutation)
    @hypothesis.given(
        problem=random_plugins.problems(of_problem), optimizer=random_plugins.optimizers(of_optimizer)
    )
    def check_examples(problem, optimizer):
        hypothesis.assume(any(optimizer._replace(mutation="")))
        check(problem, optimizer, tmp_path_factory)

    check_examples()
