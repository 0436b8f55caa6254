"""The engine of a batch is chosen from its plan; a compiled step that fails is replaced by eager steps."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchbed.codegen.errors import TooLittleWorkError
from benchbed.engine.backends import (
    NUMBER_SECONDS,
    STEP_SECONDS,
    WORTH_COMPILING,
    EagerBackend,
    EngineChoice,
    choose_engine,
    eager_seconds,
    numbers_of_a_step,
)
from benchbed.engine.loop import drop_finished
from benchbed_optimizers.sgd import sgd
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic


@pytest.mark.parametrize(
    ("requested", "every_step", "stateful", "engine", "reason"),
    [
        ("auto", False, False, "eager", "less than a second of steps"),
        ("compiled", False, False, "compiled", "requested"),
        ("eager", False, False, "eager", "requested"),
        ("compiled", True, False, "eager", "every step is measured"),
        ("compiled", False, True, "eager", "the optimizer runs one trial at a time"),
    ],
)
def test_the_requested_engine_is_chosen_where_possible(
    make_batch, requested, every_step, stateful, engine, reason
):
    """Stateful optimizers and measurements after every step always run eagerly."""
    batch = make_batch(Quadratic(), engine=requested, every_step=every_step, learning_rate=[0.01])
    assert choose_engine(batch, stateful) == (engine, reason)


def test_auto_compiles_from_a_second_of_work(make_batch):
    """Less work than that takes less time than compiling."""
    network = PolynomialNetwork()
    each = STEP_SECONDS + 20 * numbers_of_a_step(network) * NUMBER_SECONDS
    batch = make_batch(network, sgd, seeds=20, learning_rate=[0.01])
    short, long = (batch._replace(budget=round(seconds / each)) for seconds in (0.9, 40.0))
    assert choose_engine(short, stateful=False) == ("eager", "less than a second of steps")
    assert choose_engine(long, stateful=False) == ("compiled", "about 40 s of steps")
    assert eager_seconds(long) == pytest.approx(40.0, rel=0.01)
    assert WORTH_COMPILING == 1


class FailingBackends:
    """Stand-ins for both compiled backends that record their use and fail after a number of calls."""

    def __init__(self, monkeypatch, lanewise=0, inductor=0):
        self.built, self.left = [], {"lanewise": lanewise, "inductor": inductor}
        monkeypatch.setattr("benchbed.engine.compiled_backend.generated_backend", self.builder("lanewise"))
        monkeypatch.setattr("benchbed.engine.inductor.inductor_backend", self.builder("inductor"))
        monkeypatch.setattr("benchbed.engine.backends.plugin_line_of", lambda error: None)  # not of this file

    def builder(self, name):
        """Return the function that builds a backend, which fails as well if no call may work."""

        def make(tile, lanes):
            self.built.append(name)
            self.count(name)
            return SimpleNamespace(
                advance=lambda *span: self.advance(name, *span),
                lookahead=lambda lanes, start, stops: 1,
                minimum_lanes=1,
                description=f"by {name}",
            )

        return make

    def advance(self, name, tile, lanes, start, stops):
        """Run the steps eagerly."""
        self.count(name)
        return EagerBackend(EngineChoice("eager", "")).advance(tile, lanes, start, stops)

    def count(self, name):
        """Raise after the last call that may work."""
        if not self.left[name]:
            raise RuntimeError(f"\n  no {name}\nmore")
        self.left[name] -= 1


BY_INDUCTOR = "by inductor, as no step is generated (RuntimeError: no lanewise)"
BATCH = {"seeds": 2, "budget": 50, "targets": (), "learning_rate": [0.01, 0.001]}


@pytest.mark.parametrize("calls_that_work", [0, 1, 2])
@pytest.mark.parametrize("name", ["lanewise", "inductor"])
def test_a_failing_compiled_step_costs_no_trial(run, monkeypatch, name, calls_that_work):
    """If it fails while it is built or later, eager steps continue from the last checkpoint."""
    backends = FailingBackends(monkeypatch, **{name: calls_that_work})
    eager, compiled = (run(Quadratic(), sgd, engine=engine, **BATCH) for engine in ("eager", "compiled"))
    event = "its compiled step failed after step " if calls_that_work else "its step could not be compiled"
    assert set(compiled.engine.flat) == {"eager"}
    assert set(compiled.engine_requested.flat) == {"compiled"}
    (fallback,) = set(compiled.fallback_reason.flat)
    assert fallback.startswith(event)
    assert fallback.endswith(f": RuntimeError: no {name if calls_that_work else 'inductor'}")
    step = "by lanewise" if name == "lanewise" else BY_INDUCTOR
    description = f"; {step}" if calls_that_work else ""
    assert set(compiled.engine_reason.flat) == {f"requested{description}; ran eagerly because {fallback}"}
    assert backends.built == ["lanewise", "inductor"][: 1 if name == "lanewise" and calls_that_work else 2]
    np.testing.assert_array_equal(eager.curve_objective, compiled.curve_objective)


def test_a_requested_compiled_step_may_come_from_inductor(run, monkeypatch):
    """For any amount of work."""
    backends = FailingBackends(monkeypatch, inductor=10**6)
    record = run(Quadratic(), sgd, engine="compiled", **BATCH)
    assert backends.built == ["lanewise", "inductor"]
    assert set(record.engine.flat) == {"compiled"}
    assert set(record.engine_reason.flat) == {f"requested; {BY_INDUCTOR}"}


@pytest.mark.parametrize("name", ["lanewise", "inductor"])
def test_a_step_that_takes_longer_to_compile_than_to_run_is_eager(run, monkeypatch, name):
    """It is a choice by the plan and not a fallback, so there is no warning."""
    backends = FailingBackends(monkeypatch)

    def refuse(tile, lanes):
        backends.built.append(name)
        raise TooLittleWorkError("it takes long to compile")

    module = {"lanewise": "compiled_backend.generated", "inductor": "inductor.inductor"}[name]
    monkeypatch.setattr(f"benchbed.engine.{module}_backend", refuse)
    record = run(Quadratic(), sgd, engine="compiled", **BATCH)
    assert backends.built == ["lanewise", "inductor"][: 1 if name == "lanewise" else 2]
    assert set(record.engine.flat) == {"eager"}
    assert set(record.fallback_reason.flat) == {None}
    unsupported = "" if name == "lanewise" else "no step is generated (RuntimeError: no lanewise), and "
    assert set(record.engine_reason.flat) == {f"requested; eager, as {unsupported}it takes long to compile"}


@pytest.mark.parametrize(("least", "left"), [(1, (1, 1)), (2, (2, 2))])
def test_a_backend_keeps_as_many_seeds_and_settings_as_it_asks_for(make_batch, least, left):
    """Fewer would be compiled again."""
    from benchbed.engine.sampling import Instances
    from benchbed.engine.tile import Tile

    batch = make_batch(Quadratic(), sgd, seeds=4, learning_rate=[0.1, 0.2, 0.3])
    tile = Tile(batch, Instances(batch.problem, batch.seeds, torch.device("cpu"), torch.float64))
    lanes = tile.start_lanes()
    running = torch.zeros(4, 3, dtype=torch.bool)
    running[2, 1] = True
    smaller_tile, remaining = drop_finished(tile, lanes._replace(running=running), least)
    assert remaining.running.shape == left
    assert remaining.running.sum() == 1
    assert 2 in smaller_tile.positions.seeds
    assert 1 in smaller_tile.positions.settings
