"""Timing of batches: small runs, and the lines through them."""

import msgspec
import numpy as np
import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.checkpoints import checkpoint_calls
from benchbed.engine import Batch
from benchbed.estimate import timing
from benchbed.gradients import reverse
from benchbed.plan import Request, make_plan
from benchbed.runner.task import Task
from benchbed.seeds import InstanceSeed
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import missing_batches
from benchbed_optimizers.sgd import sgd
from benchbed_problems.quadratic import Quadratic


def batch_of(problem, factory=sgd, settings=2, seeds=3, budget=100):
    """Build a batch that repeats one setting."""
    return Batch(
        problem=problem,
        factory=factory,
        statics={},
        hyperparameters={"learning_rate": [1e-3] * settings},
        settings=settings,
        seeds=[InstanceSeed(0, "estimate", "evaluation", seed) for seed in range(seeds)],
        budget=budget,
        targets=(),
        scale=1.0,
        gradient=reverse,
        metrics={},
        dtype=problem.dtype,
        device="cpu",
        engine="eager",
    )


def run_with(seconds, steps, calls_per_step=1.0):
    """Return the run of a tile that made this number of steps: 5 s fixed, 2 s a checkpoint, 100 s a block of draws."""
    record = timing.run_batch(batch_of(Quadratic(), budget=1))
    checkpoints = 1 + len({max(1, round(calls / calls_per_step)) for calls in checkpoint_calls(steps)})
    record = record._replace(calls=np.full((3, 2), steps * calls_per_step))
    step_seconds = 100.0 + seconds * steps
    return timing.SmallRun(5.0 + 2.0 * checkpoints + step_seconds, step_seconds, steps, checkpoints, record)


@pytest.mark.parametrize(
    ("smaller", "larger", "line"),
    [
        ((2, 7.0), (8, 13.0), (5.0, 1.0)),
        ((2, 1.0), (8, 4.0), (0.0, 0.5)),
        ((2, 3.0), (8, 1.0), (1.0, 0.0)),
        ((4, 2.0), (4, 2.0), (0.0, 0.5)),
    ],
)
def test_a_line_has_no_negative_coefficient(smaller, larger, line):
    """The clock is noisy, and a trial that diverges makes no more steps with a larger budget."""
    assert timing.line_through(smaller, larger) == line


@pytest.mark.parametrize(("budget", "blocks"), [(1000, 1), (2500, 3)])
def test_steps_checkpoints_and_blocks_of_draws_are_extrapolated_alone(budget, blocks):
    """Checkpoints become rarer with the budget, and every 1 000 steps need a block of draws."""
    batch = batch_of(Quadratic(), budget=budget)
    smaller, larger = run_with(0.5, steps=10), run_with(0.5, steps=40)
    expected = 5.0 + 2.0 * (1 + len(checkpoint_calls(budget))) + 100.0 * blocks + 0.5 * budget
    assert timing.extrapolate(batch, smaller, larger) == pytest.approx(expected, rel=1e-12)


def test_a_run_counts_its_steps_and_checkpoints():
    """Ten steps, with a checkpoint at the start and after each."""
    run = timing.run_small(batch_of(Quadratic(), budget=100), 10)
    assert (run.steps, run.checkpoints) == (10, 11)
    assert 0 <= run.step_seconds <= run.seconds


def time_batch_of(monkeypatch, problem="quadratic", **fields):
    """Return the timing of a small batch, and the tiles that were run."""
    tiles = []
    run_batch = timing.run_batch
    monkeypatch.setattr(timing, "run_batch", lambda tile, clock: tiles.append(tile) or run_batch(tile, clock))
    request = Request(problems=(problem,), optimizers=("gd",), preset="quick", device="cpu", **fields)
    plan = make_plan(load_catalog(environ={}), request)
    batch = missing_batches(PairingState(plan, plan.pairings()[0]))[0]
    bare_plan = msgspec.structs.replace(plan, problems=(), entrants=(), suite={})
    return timing.time_batch(msgspec.json.encode(Task(bare_plan, batch, (), jobs=1))), tiles


def test_timed_trials_do_not_stop_early(monkeypatch):
    """They ignore the targets and the tolerance of the plan, because the estimate is that of the whole budget."""
    batch_timing, tiles = time_batch_of(monkeypatch, tolerance=1e9)
    assert batch_timing.seconds > 0
    assert batch_timing.peak_bytes > 100e6  # torch alone takes more
    assert batch_timing.skip_reason is None
    assert {(tile.targets, tile.tolerance) for tile in tiles} == {((), None)}


def test_problems_with_targets_on_a_metric_are_timed(monkeypatch):
    """Without their targets, whose order says whether higher values of the metric are better."""
    pytest.importorskip("sklearn")
    batch_timing, tiles = time_batch_of(monkeypatch, "digits-mlp", engine="eager", steps=30)
    assert batch_timing.seconds > 0
    assert tiles[0].target_metric == "validation-accuracy"


def test_the_first_budget_affords_two_steps(monkeypatch):
    """A full gradient of 1 024 samples in mini-batches of 128 costs eight calls, so budgets double up to 16."""
    problem = "polynomial-network[samples=1024]"
    _, tiles = time_batch_of(monkeypatch, problem, engine="eager", steps=64)
    budgets = list(dict.fromkeys(tile.budget for tile in tiles))
    assert budgets == [1, 2, 4, 8, 16, 64]


@pytest.mark.parametrize(("engine", "is_threaded"), [("compiled", True), ("eager", False)])
def test_only_compiled_steps_are_threaded(engine, is_threaded, monkeypatch):
    """Small runs use the engine of the plan."""
    assert time_batch_of(monkeypatch, engine=engine)[0].is_threaded is is_threaded
