"""The seconds of a batch, put together from parts of it by a clock that shows what was read."""

import msgspec
import pytest

from benchbed.catalog import load_catalog
from benchbed.checkpoints import checkpoint_calls
from benchbed.engine import Batch
from benchbed.estimate import probe as module
from benchbed.estimate.probe import calls_of_a_step, extrapolate, is_shared, part_of, probe, seconds_of
from benchbed.gradients import reverse
from benchbed.interfaces import Optimizer
from benchbed.plan import Request, make_plan
from benchbed.runner.task import Task
from benchbed.seeds import InstanceSeed
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import missing_batches
from benchbed_optimizers.gd import gd
from benchbed_optimizers.sgd import sgd
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic


class Ticks:
    """A clock that moves by a second whenever it is read."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        self.now += 1
        return self.now


def batch_of(problem, factory=sgd, settings=2, seeds=3, budget=100):
    """Make a batch of one setting, several times."""
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


def asks_twice(learning_rate):
    """Ask for a second gradient in every step."""

    def update(oracle, state, theta):
        return theta - learning_rate * oracle.at(theta)[1], state

    return Optimizer(lambda theta: (), update)


def asks_twice_alone(learning_rate):
    """Do the same one trial at a time, as a `torch.optim.Optimizer` with a closure would."""
    return asks_twice(learning_rate)._replace(stateful=True)


def test_a_whole_batch_is_put_together_from_its_parts():
    """Beginning, blocks of draws, steps, checkpoints and ending: each takes a second for one of six lanes."""
    budget, lanes = 1500, 6
    noisy = batch_of(Quadratic(gradient_noise=0.1), budget=budget)
    between = len(checkpoint_calls(budget)) - 1
    assert seconds_of(noisy, Ticks()) == lanes * (1 + 2 + budget + between + 1)


def test_a_full_gradient_buys_fewer_steps():
    """1 024 samples in batches of 128 make a step of gradient descent eight calls, and 100 calls twelve steps."""
    problem = PolynomialNetwork(samples=1024)
    steps = {max(1, -(-calls // 8)) for calls in checkpoint_calls(100) if calls <= 96}
    # No block of draws is made, but the clock is read around where it would be.
    assert seconds_of(batch_of(problem, gd), Ticks()) == 6 * (1 + 1 + 12 + len(steps) - 1 + 1)


def test_what_a_program_of_the_objective_saves_is_taken_off(monkeypatch):
    """Half a second at each checkpoint between beginning and end, for each of six lanes."""
    clock, eagerly = Ticks(), module.measure_objective
    batch = batch_of(Quadratic(), budget=100)._replace(engine="compiled")
    between = len(checkpoint_calls(100)) - 1

    def slow(*arguments):
        clock.now += 0.5
        return eagerly(*arguments)

    monkeypatch.setattr(module, "measure_objective", slow)
    before = seconds_of(batch, clock)
    monkeypatch.setattr("benchbed.engine.backends.WORTH_MEASURING", 0.0)
    assert seconds_of(batch, clock) == pytest.approx(before - 6 * 0.5 * between, rel=1e-12)


@pytest.mark.parametrize(("engine", "shared"), [("compiled", True), ("eager", False)])
def test_only_programs_share_their_work_among_threads(engine, shared):
    """What is made step by step, or in a scan, stays on one core."""
    assert is_shared(batch_of(Quadratic())._replace(engine=engine)) is shared


@pytest.mark.parametrize(("factory", "calls"), [(sgd, 1.0), (asks_twice, 2.0), (asks_twice_alone, 2.0)])
def test_the_calls_of_a_step_are_counted(factory, calls):
    """A rule that asks twice makes half as many steps."""
    assert calls_of_a_step(part_of(batch_of(Quadratic(), factory), 1)) == calls


def test_tiles_run_one_after_the_other():
    """A rule that runs one trial at a time takes six times what one takes; 50 steps of two calls each."""
    steps = {-(-calls // 2) for calls in checkpoint_calls(100)}
    assert seconds_of(batch_of(Quadratic(), asks_twice_alone), Ticks()) == 6 * (
        1 + 1 + 50 + len(steps) - 1 + 1
    )


@pytest.mark.parametrize(("lanes", "kept"), [(1, (1, 1)), (2, (1, 2)), (6, (3, 2)), (100, (3, 2))])
def test_a_part_is_a_rectangle_of_lanes(lanes, kept):
    """Seeds by settings, from the first on, with the hyperparameters of the settings that are left."""
    part = part_of(batch_of(Quadratic()), lanes)
    assert (len(part.seeds), part.settings) == kept
    assert part.hyperparameters == {"learning_rate": [1e-3] * kept[1]}


def test_larger_parts_are_timed_while_they_are_cheap():
    """A step that takes a thousandth whatever its lanes is timed for all of them."""
    sizes = []

    def time_part(part, clock):
        sizes.append(part.settings * len(part.seeds))
        return (0.001,)

    tile = batch_of(Quadratic(), settings=8, seeds=8)
    assert extrapolate(tile, time_part, lambda: 0.001 * len(sizes)) == (0.001,)
    assert sizes == [1, 4, 16, 64]


def test_the_rest_is_in_proportion_where_a_part_is_dear():
    """A lane that takes a second is not timed again with others: 64 of them take 64 seconds."""
    tile = batch_of(Quadratic(), settings=8, seeds=8)
    assert extrapolate(tile, lambda part, clock: (1.0, 0.5), Ticks()) == (64.0, 32.0)


def test_what_is_timed_does_not_stop_early(monkeypatch):
    """Neither at a target nor at the tolerance that the plan has: the time is that of spending the budget."""
    timed = []
    monkeypatch.setattr(module, "seconds_of", lambda batch, clock: timed.append(batch) or 1.0)
    request = Request(
        problems=("quadratic",), optimizers=("gd",), preset="quick", tolerance=1e9, device="cpu"
    )
    plan = make_plan(load_catalog(environ={}), request)
    batch = missing_batches(PairingState(plan, plan.pairings()[0]))[0]
    bare = msgspec.structs.replace(plan, problems=(), entrants=(), suite={})
    assert probe(msgspec.json.encode(Task(bare, batch, (), jobs=1))) == (1.0, False)
    assert [(each.targets, each.tolerance) for each in timed] == [((), None)]
