"""Which engine makes the steps of a batch, and what happens where it cannot."""

import numpy as np
import pytest
import torch

from benchbed.engine.loop import drop_finished
from benchbed.engine.steps import NUMBER_SECONDS, STEP_SECONDS, eager_seconds, numbers_of_a_step, resolve
from benchbed_optimizers.sgd import sgd
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic


@pytest.mark.parametrize(
    ("asked", "every_step", "stateful", "engine", "reason"),
    [
        ("auto", False, False, "eager", "less than a second of steps"),
        ("compiled", False, False, "compiled", "asked for"),
        ("eager", False, False, "eager", "asked for"),
        ("compiled", True, False, "eager", "every step is measured"),
        ("compiled", False, True, "eager", "the rule runs one trial at a time"),
    ],
)
def test_what_is_asked_for_is_done_where_it_can_be(make_batch, asked, every_step, stateful, engine, reason):
    """A stateful rule and a measurement after every step leave nothing to join."""
    batch = make_batch(Quadratic(), engine=asked, every_step=every_step, learning_rate=[0.01])
    assert resolve(batch, stateful) == (engine, reason)


def test_auto_compiles_long_runs_only(make_batch):
    """A minute of the network is worth a program, the standard preset's half second is not."""
    network = PolynomialNetwork()
    short = make_batch(network, sgd, seeds=20, budget=500, learning_rate=[0.01])
    long = short._replace(budget=300_000)
    assert resolve(short, stateful=False)[0] == "eager"
    seconds = eager_seconds(long)
    assert resolve(long, stateful=False) == ("compiled", f"about {seconds:.0f} s of steps")
    assert seconds == pytest.approx(
        300_000 * (STEP_SECONDS + 20 * numbers_of_a_step(network) * NUMBER_SECONDS)
    )


@pytest.mark.parametrize("calls_that_work", [0, 1, 2])
def test_a_program_that_fails_costs_no_trial(run, monkeypatch, calls_that_work):
    """Whether it fails when it is made or later, the loop goes on from the last checkpoint."""

    class Failing:
        def __init__(self):
            self.left = calls_that_work

        def advance(self, program, lanes, start, stop):
            if not self.left:
                raise RuntimeError("\n  no compiler\nmore")
            self.left -= 1
            for index in range(start, stop):
                lanes = program.step(lanes, index)
            return lanes

    monkeypatch.setattr("benchbed.engine.compiled.compiled_steps", lambda program, lanes: Failing())
    batch = {"seeds": 2, "budget": 50, "targets": (), "learning_rate": [0.01, 0.001]}
    loop, other = (run(Quadratic(), sgd, engine=engine, **batch) for engine in ("eager", "compiled"))
    what = "its program failed after step " if calls_that_work else "it could not be compiled"
    (engine,), (reason,) = set(other.engine.flat), set(other.engine_reason.flat)
    assert engine == "eager"
    assert reason.startswith(f"asked for; made one by one, as {what}")
    assert reason.endswith(": RuntimeError: no compiler")
    np.testing.assert_array_equal(loop.curve_objective, other.curve_objective)


@pytest.mark.parametrize(("least", "left"), [(1, (1, 1)), (2, (2, 2))])
def test_a_program_keeps_two_lanes_of_a_kind(make_batch, least, left):
    """With one lane the program would have to be compiled anew."""
    from benchbed.engine.instances import Instances
    from benchbed.engine.program import Program
    from benchbed.engine.state import Place

    batch = make_batch(Quadratic(), sgd, seeds=4, learning_rate=[0.1, 0.2, 0.3])
    program = Program(batch, Instances(batch.problem, batch.seeds, torch.device("cpu"), torch.float64))
    lanes = program.begin()
    running = torch.zeros(4, 3, dtype=torch.bool)
    running[2, 1] = True
    place = Place.all(4, 3, torch.device("cpu"))
    _, kept, place = drop_finished(program, lanes._replace(running=running), place, least)
    assert kept.running.shape == left
    assert kept.running.sum() == 1
    assert 2 in place.seeds
    assert 1 in place.settings
