"""Compiled steps are cached in the process, and a lane's result does not depend on its batch."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch.nn import functional

from benchbed.codegen import compiled_step, compiler
from benchbed.engine import backends, compiled_backend
from benchbed.interfaces import Layout, Problem
from benchbed_optimizers.adam import adam
from benchbed_optimizers.sgd import sgd
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.runge import Runge

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_inductor")]


def adam_settings(learning_rates):
    """Return Adam's default settings at several learning rates."""
    constants = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
    return {
        "learning_rate": learning_rates,
        **{name: [value] * len(learning_rates) for name, value in constants.items()},
    }


@dataclass(frozen=True)
class ImageNetwork(Problem):
    """Cross entropy of a convolutional network with embedded labels, without draws."""

    per_trial = True

    @property
    def layout(self):
        return Layout({"filters": (2, 1, 3, 3), "table": (3, 4), "readout": (12, 3)})

    def make_start(self, generator):
        return torch.linspace(0, 9, 66, dtype=torch.float64).sin() / 3

    def objective(self, theta, data):
        weights = self.layout.views(theta)
        images = torch.linspace(-2, 2, 5 * 36, dtype=theta.dtype).cos().view(5, 1, 6, 6)
        hidden = functional.max_pool2d(functional.conv2d(images, weights["filters"]).relu(), 2)
        labels = torch.tensor([0, 2, 1, 2, 0])
        rows = functional.embedding(labels.flip(0), weights["table"])
        features = functional.layer_norm(torch.cat([hidden.flatten(1), rows], 1), (12,))
        return functional.cross_entropy(features @ weights["readout"], labels)


@pytest.fixture
def loaded_sources(monkeypatch):
    """Collect the sources that this process loads, with an empty cache of steps."""
    sources, load = [], compiled_step.load
    monkeypatch.setattr(compiled_backend, "_cache", {})
    monkeypatch.setattr(compiled_step, "load", lambda source: sources.append(source) or load(source))
    return sources


@pytest.mark.parametrize(("seeds", "settings"), [(1, 1), (3, 1), (1, 5), (2, 8), (5, 7), (13, 3), (2, 33)])
@pytest.mark.parametrize("axis", ["settings", "lanes"])
def test_lane_of_a_batch_equals_the_trial_alone(run, monkeypatch, axis, seeds, settings):
    """To the bit, at any position in a vector, beside any other lanes."""
    monkeypatch.setattr(compiled_backend, "_choose_axis", lambda tile, lanes, width: axis)
    problem, rates = Quartic(gradient_noise=0.1), [1e-3 * (1 + k) for k in range(settings)]
    fields = {"targets": (), "budget": 70, "engine": "compiled"}
    batch = run(problem, adam, seeds=seeds, **adam_settings(rates), **fields)
    assert set(batch.engine.flat) == {"compiled"}
    monkeypatch.undo()
    for seed, setting in {(0, 0), (seeds - 1, settings - 1), (seeds // 2, settings // 2)}:
        trial = run(problem, adam, seeds=[seed], **adam_settings([rates[setting]]), **fields)
        assert trial.final_theta[0, 0].tolist() == batch.final_theta[seed, setting].tolist()
        np.testing.assert_array_equal(trial.curve_objective[0, 0], batch.curve_objective[seed, setting])


def test_batches_of_all_sizes_share_a_compiled_step(run, loaded_sources):
    """The numbers of seeds, settings and steps are arguments."""
    fields = {"engine": "compiled", "targets": ()}
    for seeds, settings in ((3, 2), (1, 1), (2, 5)):
        record = run(
            Runge(features=4), sgd, seeds=seeds, learning_rate=[1e-3] * settings, budget=50, **fields
        )
        assert set(record.engine.flat) == {"compiled"}
    assert len(loaded_sources) == 1


def test_few_settings_of_many_seeds_share_a_vector(run, loaded_sources):
    """By another compiled step, in which the lanes of a vector may differ in their seed."""
    fields = {"seeds": 9, "engine": "compiled", "targets": (), "budget": 20}
    for settings in (1, 8):
        run(Quartic(), sgd, learning_rate=[1e-3] * settings, **fields)
    assert len(loaded_sources) == 2


def test_the_choice_does_not_depend_on_steps_that_are_compiled_already(run, monkeypatch):
    """By another study of the process, which requested it."""
    monkeypatch.setattr(backends, "WORTH_COMPILING", 0.0)
    records = [
        run(ImageNetwork(), sgd, engine=engine, budget=20, learning_rate=[1e-3])
        for engine in ("compiled", "auto")
    ]
    assert [set(record.engine.flat) for record in records] == [{"compiled"}, {"eager"}]
    assert "take longer to compile than to run" in records[1].engine_reason[0, 0]


def test_number_of_cached_steps_is_limited(run, loaded_sources, monkeypatch):
    """Beyond it the cache is cleared; later loads find the library on disk."""
    monkeypatch.setattr(compiled_backend, "MAX_CACHED_STEPS", 2)
    for features in (2, 3, 2, 4, 2):
        record = run(
            Runge(features=features), sgd, engine="compiled", targets=(), budget=5, learning_rate=[1e-3]
        )
        assert set(record.engine.flat) == {"compiled"}
    assert len(loaded_sources) == 4
    assert len(set(loaded_sources)) == 3


def test_steps_run_eagerly_without_a_compiler(run, monkeypatch):
    """The reason says so, and the results are those of the eager engine."""
    monkeypatch.setattr(compiled_backend, "_cache", {})
    monkeypatch.setattr(compiler, "compiler_path", compiler.compiler_path.__wrapped__)
    monkeypatch.setattr(compiler, "_target", compiler._target.__wrapped__)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("CXX", "")

    def fail(tile, lanes):
        raise AssertionError("inductor needs a compiler as well")

    monkeypatch.setattr("benchbed.engine.inductor.inductor_backend", fail)
    batch = {"seeds": 2, "budget": 50, "targets": (), "learning_rate": [0.01, 0.001]}
    eager, fallback = (run(Quadratic(), sgd, engine=engine, **batch) for engine in ("eager", "compiled"))
    assert set(fallback.engine.flat) == {"eager"}
    (reason,) = set(fallback.engine_reason.flat)
    assert reason.startswith(
        "requested; ran eagerly because its step could not be compiled: CompilationError: "
    )
    assert (fallback.final_theta == eager.final_theta).all()


def test_network_with_called_operations_equals_eager_steps_and_a_plain_loop(run):
    """To rounding errors; the reason lists the called operations."""
    fields = {"targets": (), "budget": 12, **adam_settings([1e-2, 3e-2])}
    compiled, eager = (
        run(ImageNetwork(), adam, seeds=2, engine=engine, **fields) for engine in ("compiled", "eager")
    )
    assert set(compiled.engine.flat) == {"compiled"}
    assert "; tensorwise code that calls aten::convolution, " in compiled.engine_reason[0, 0]
    np.testing.assert_allclose(compiled.final_theta, eager.final_theta, rtol=0, atol=1e-12)
    theta = ImageNetwork().make_start(None).requires_grad_()
    optimizer = torch.optim.Adam([theta], lr=3e-2)
    for _ in range(12):
        optimizer.zero_grad()
        ImageNetwork().objective(theta, None).backward()
        optimizer.step()
    np.testing.assert_allclose(compiled.final_theta[0, 1], theta.detach(), rtol=0, atol=1e-10)


def test_auto_runs_steps_eagerly_that_take_longer_to_compile(run, monkeypatch):
    """By the number of their operations, so that the choice depends on the plan alone."""
    monkeypatch.setattr(backends, "WORTH_COMPILING", 0.0)
    monkeypatch.setattr(compiled_backend, "_cache", {})
    record = run(ImageNetwork(), adam, targets=(), budget=3, engine="auto", **adam_settings([1e-2]))
    assert set(record.engine.flat) == {"eager"}
    assert "take longer to compile" in record.engine_reason[0, 0]


def test_each_tile_is_compiled_if_the_work_of_its_batch_is_enough(run, monkeypatch):
    """Tiles share the compiled step, so the whole batch decides, not the first tile."""
    work = []
    monkeypatch.setattr(backends, "WORTH_COMPILING", 0.0)
    monkeypatch.setattr(compiled_backend, "_cache", {})
    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", 1)
    eager_seconds = compiled_backend.eager_seconds
    monkeypatch.setattr(
        compiled_backend, "eager_seconds", lambda batch: work.append(eager_seconds(batch)) or work[-1]
    )
    for rates in ([1e-2], [1e-2, 3e-2]):
        run(ImageNetwork(), adam, targets=(), budget=3, engine="auto", **adam_settings(rates))
    one_lane, *two_lanes = work
    lane_seconds = 3 * backends.numbers_of_a_step(ImageNetwork()) * backends.NUMBER_SECONDS
    assert two_lanes == pytest.approx([one_lane + lane_seconds] * 2)
