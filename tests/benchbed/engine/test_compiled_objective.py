"""A compiled objective matches the eager measurement."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.engine.compiled_objective import GeneratedObjective, generated_objective
from benchbed.engine.evaluation import measure_objective
from benchbed.engine.sampling import Instances
from benchbed.interfaces import Layout, Problem
from benchbed.seeds import InstanceSeed
from benchbed_optimizers.adam import adam
from benchbed_optimizers.sgd import sgd
from benchbed_problems.linear_regression import LinearRegression
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.runge import Runge
from benchbed_problems.shallow_network import ShallowNetwork

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_inductor")]


@dataclass(frozen=True)
class PerTrialCubic(Problem):
    """Σ |θ − shift|³, written for one trial, with a shift for each instance."""

    per_trial = True
    layout = Layout({"theta": (3,)})

    def make_start(self, generator):
        return torch.rand(3, generator=generator, dtype=torch.float64)

    def make_data(self, generator):
        return torch.rand(3, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        return (theta - data).abs().pow(3).sum()


NETWORK = PolynomialNetwork(samples=300, hidden=(8, 8))
PROBLEMS = {
    "network": NETWORK, "tanh": PolynomialNetwork(samples=300, activation="tanh"), "shallow": ShallowNetwork(),
    "polynomial": Runge(), "regression": LinearRegression(), "rotated": Quadratic(rotated=True),
    "per trial": PerTrialCubic(),
}  # fmt: skip


def instances_of(problem, seeds, dtype):
    """Return the instances of the first seeds."""
    instance_seeds = [InstanceSeed(0, "problem", "evaluation", seed) for seed in range(seeds)]
    return Instances(problem, instance_seeds, torch.device("cpu"), dtype)


def points_near_start(instances, settings):
    """Draw points near the starts, `[seeds, settings, dimension]`."""
    generator = torch.Generator().manual_seed(5)
    start = instances.start[:, None]
    noise = torch.randn(len(start), settings, start.shape[-1], generator=generator, dtype=torch.float64)
    return start + 0.1 * noise.to(start.dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_objective_matches_eager_measurement(problem, dtype, tolerance):
    """In both precisions, with shared data and data of each seed, for a selection of seeds, on several threads."""
    instances = instances_of(problem, 4, dtype)
    theta = points_near_start(instances, 5)
    objective = GeneratedObjective(instances, theta, None)
    for threads in (1, 3):
        value = objective.measure(instances, theta, threads)
        torch.testing.assert_close(value, measure_objective(instances, theta), rtol=tolerance, atol=tolerance)
    fewer = instances.select([0, 2])
    value = objective.measure(fewer, theta[[0, 2]][:, 1:])
    expected = measure_objective(fewer, theta[[0, 2]][:, 1:])
    torch.testing.assert_close(value, expected, rtol=tolerance, atol=tolerance)


def test_objective_is_compiled_once_a_process():
    """For all seeds of a problem; separately for each precision."""
    two_seeds, three_seeds = (instances_of(NETWORK, seeds, torch.float64) for seeds in (2, 3))
    first = generated_objective(two_seeds, points_near_start(two_seeds, 2))
    assert generated_objective(three_seeds, points_near_start(three_seeds, 4)) is first
    single = instances_of(NETWORK, 2, torch.float32)
    assert generated_objective(single, points_near_start(single, 2)) is not first


def test_memory_of_a_lane_is_limited(monkeypatch):
    """The eager measurement splits the lanes instead."""
    monkeypatch.setattr("benchbed.engine.compiled_objective.MAX_BYTES", 1_000)
    instances = instances_of(NETWORK, 1, torch.float64)
    with pytest.raises(UnsupportedOperationError, match="a step that needs"):
        GeneratedObjective(instances, points_near_start(instances, 1), None)


@pytest.fixture
def run_both(run, monkeypatch):
    """Return a function that runs a batch with an eager and a compiled objective, and counts the calls of this."""
    calls = []
    measure = GeneratedObjective.measure

    def record_call(self, *arguments):
        calls.append(arguments)
        return measure(self, *arguments)

    def run_objectives(problem, factory, **more):
        records = []
        for seconds in (np.inf, 0.0):
            monkeypatch.setattr("benchbed.engine.backends.WORTH_MEASURING", seconds)
            records.append(run(problem, factory, engine="compiled", targets=(), **more))
        return (*records, len(calls))

    monkeypatch.setattr(GeneratedObjective, "measure", record_call)
    return run_objectives


@pytest.mark.parametrize("problem", [NETWORK, LinearRegression()], ids=["shared data", "data of each seed"])
def test_curves_match_eager_measurement(run_both, problem):
    """Up to rounding; the steps are bitwise equal, and no reason is added."""
    eager, compiled, calls = run_both(problem, adam, seeds=3, budget=100, learning_rate=[1e-3, 1e-2])
    assert calls == eager.curve_calls.shape[-1] - 2  # neither the start nor the first step
    np.testing.assert_array_equal(eager.final_theta, compiled.final_theta)
    np.testing.assert_array_equal(eager.status, compiled.status)
    np.testing.assert_allclose(compiled.curve_objective, eager.curve_objective, rtol=1e-12, atol=1e-14)
    assert "eagerly" not in compiled.engine_reason[0, 0]


def test_lanes_diverge_as_with_the_eager_measurement(run_both):
    """At an objective that is not finite; finished lanes are dropped with their data."""
    eager, compiled, calls = run_both(
        LinearRegression(), sgd, seeds=4, budget=200, learning_rate=[10.0, 3.0, 1e-2]
    )
    assert calls
    assert set(np.unique(eager.status.astype(str))) == {"diverged", "exhausted"}
    np.testing.assert_array_equal(eager.status, compiled.status)
    np.testing.assert_array_equal(eager.curve_calls, compiled.curve_calls)
    np.testing.assert_allclose(compiled.curve_objective, eager.curve_objective, rtol=1e-9)


def test_failing_objective_is_measured_eagerly(run_both, monkeypatch):
    """No trial is lost, and the reason says so."""

    def fail(self, *arguments):
        raise MemoryError("no memory for a step")

    monkeypatch.setattr(GeneratedObjective, "measure", fail)
    eager, compiled, _ = run_both(NETWORK, adam, seeds=2, budget=50, learning_rate=[1e-3])
    np.testing.assert_array_equal(eager.curve_objective, compiled.curve_objective)
    assert set(compiled.engine.flat) == {"compiled"}
    (reason,) = set(compiled.engine_reason.flat)
    event = "its objective was measured eagerly: MemoryError: no memory for a step"
    assert reason.startswith(f"requested; tensorwise code; {event} ({__file__}:")
