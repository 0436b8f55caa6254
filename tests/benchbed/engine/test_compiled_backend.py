"""A program serves lanes of any number, in any place, on any number of threads, and each as if it were alone."""

import time

import numpy as np
import pytest
import torch

from benchbed.codegen import compiled_step, compiler
from benchbed.codegen.errors import CompilationError
from benchbed.engine import compiled_backend
from benchbed_optimizers.adam import adam
from benchbed_optimizers.sgd import sgd
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.runge import Runge
from benchbed_problems.weighted_quartic import WeightedQuartic

pytestmark = pytest.mark.usefixtures("no_scan")


def settings_of(rates):
    """Give Adam's settings at several rates."""
    constant = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
    return {"learning_rate": rates, **{name: [value] * len(rates) for name, value in constant.items()}}


@pytest.fixture
def built(monkeypatch):
    """Collect the programs that are made, none of which was made before."""
    sources, load = [], compiled_step.load
    monkeypatch.setattr(compiled_backend, "_cache", {})
    monkeypatch.setattr(compiled_step, "load", lambda source: sources.append(source) or load(source))
    return sources


@pytest.mark.parametrize(("seeds", "settings"), [(1, 1), (3, 1), (1, 5), (2, 8), (5, 7), (13, 3), (2, 33)])
@pytest.mark.parametrize("axis", ["settings", "lanes"])
def test_a_lane_of_a_batch_is_the_trial_alone(run, monkeypatch, axis, seeds, settings):
    """To the bit, wherever it stands in a register, and whichever lanes are stepped with it."""
    monkeypatch.setattr(compiled_backend, "_choose_axis", lambda program, lanes, width: axis)
    problem, rates = Quartic(gradient_noise=0.1), [1e-3 * (1 + k) for k in range(settings)]
    fields = {"targets": (), "budget": 70, "engine": "compiled"}
    together = run(problem, adam, seeds=seeds, **settings_of(rates), **fields)
    assert set(together.engine.flat) == {"compiled"}
    monkeypatch.undo()
    for seed, setting in {(0, 0), (seeds - 1, settings - 1), (seeds // 2, settings // 2)}:
        alone = run(problem, adam, seeds=[seed], **settings_of([rates[setting]]), **fields)
        assert alone.final_theta[0, 0].tolist() == together.final_theta[seed, setting].tolist()
        np.testing.assert_array_equal(alone.curve_objective[0, 0], together.curve_objective[seed, setting])


def test_one_program_serves_every_number_of_lanes_and_steps(run, built):
    """What is compiled again for each batch would cost more than it saves."""
    fields = {"engine": "compiled", "targets": ()}
    for seeds, settings in ((3, 2), (1, 1), (2, 5)):
        record = run(
            Runge(features=4), sgd, seeds=seeds, learning_rate=[1e-3] * settings, budget=50, **fields
        )
        assert set(record.engine.flat) == {"compiled"}
    assert len(built) == 1


def test_few_settings_of_many_seeds_share_a_register(run, built):
    """A program in which lanes of several seeds go together is another one, made where it saves work."""
    for settings in (1, 8):
        run(
            Quartic(), sgd, seeds=9, learning_rate=[1e-3] * settings, engine="compiled", targets=(), budget=20
        )
    assert len(built) == 2


@pytest.mark.parametrize("axis", ["settings", "lanes"])
def test_threads_change_nothing(run, monkeypatch, axis):
    """Each has groups of its own, wherever they are cut; to the bit."""
    monkeypatch.setattr(compiled_backend, "_choose_axis", lambda program, lanes, width: axis)
    parts, together = [], compiled_step.CompiledStep._run_tasks
    monkeypatch.setattr(
        compiled_step.CompiledStep,
        "_run_tasks",
        lambda self, calls: parts.append(len(calls)) or together(self, calls),
    )
    fields = {"seeds": 5, "budget": 300, "targets": (), "engine": "compiled", "learning_rate": [1e-3] * 9}
    alone = run(WeightedQuartic(), sgd, **fields)
    assert set(parts) == {1}
    monkeypatch.setattr(compiled_step, "OPERATIONS_PER_THREAD", 10)
    torch.set_num_threads(3)
    try:
        several = run(WeightedQuartic(), sgd, **fields)
    finally:
        torch.set_num_threads(1)
    assert max(parts) == 3
    np.testing.assert_array_equal(alone.curve_objective, several.curve_objective)
    np.testing.assert_array_equal(alone.final_theta, several.final_theta)


def test_a_part_that_raises_waits_for_the_others():
    """They write to tensors that nobody else holds."""
    finished = []

    class Broken(compiled_step.CompiledStep):
        def __init__(self):
            """Compile nothing."""

        def _call(self, part):
            if part == 0:
                raise IndexError("an index is out of range")
            time.sleep(0.05)
            finished.append(part)

    with pytest.raises(IndexError, match="out of range"):
        Broken()._run_tasks([(0,), (1,), (2,)])
    assert sorted(finished) == [1, 2]


def test_a_process_keeps_so_many_programs_and_makes_the_others_again(run, built, monkeypatch):
    """A search over problems would fill the memory; what is on the disk needs no compiler."""
    monkeypatch.setattr(compiled_backend, "MAX_CACHED_STEPS", 2)
    for features in (2, 3, 2, 4, 2):
        record = run(
            Runge(features=features), sgd, engine="compiled", targets=(), budget=5, learning_rate=[1e-3]
        )
        assert set(record.engine.flat) == {"compiled"}
    assert len(built) == 4
    assert len(set(built)) == 3


def test_without_a_compiler_steps_are_made_one_by_one(run, monkeypatch):
    """The row says why, and holds what the loop makes; a scan would need the compiler as well."""
    monkeypatch.setattr(compiled_backend, "_cache", {})
    monkeypatch.setattr(compiler, "_compiler", compiler._compiler.__wrapped__)
    monkeypatch.setattr(compiler, "_machine", compiler._machine.__wrapped__)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("CXX", "")

    def refuse(program, lanes):
        raise CompilationError("a scan has none either")

    monkeypatch.setattr("benchbed.engine.scan.scan_backend", refuse)
    batch = {"seeds": 2, "budget": 50, "targets": (), "learning_rate": [0.01, 0.001]}
    loop, other = (run(Quadratic(), sgd, engine=engine, **batch) for engine in ("eager", "compiled"))
    assert set(other.engine.flat) == {"eager"}
    (reason,) = set(other.engine_reason.flat)
    assert reason.startswith(
        "requested; ran eagerly because its step could not be compiled: CompilationError: "
    )
    assert (other.final_theta == loop.final_theta).all()
