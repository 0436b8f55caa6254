"""A program measures the objective as torch does."""

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

pytestmark = pytest.mark.usefixtures("no_scan")


@dataclass(frozen=True)
class OneAtATime(Problem):
    """Σ |θ − shift|³ for one trial at a time, with data of each instance's own."""

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
    "alone": OneAtATime(),
}  # fmt: skip


def instances_of(problem, seeds, dtype):
    """Give the instances of the first seeds."""
    named = [InstanceSeed(0, "problem", "evaluation", seed) for seed in range(seeds)]
    return Instances(problem, named, torch.device("cpu"), dtype)


def spread(instances, settings):
    """Give points about the starts, `[seeds, settings, dimension]`."""
    generator = torch.Generator().manual_seed(5)
    start = instances.start[:, None]
    noise = torch.randn(len(start), settings, start.shape[-1], generator=generator, dtype=torch.float64)
    return start + 0.1 * noise.to(start.dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_the_objective_is_that_of_the_problem(problem, dtype, tolerance):
    """In both precisions, with data for all and for each seed, also of fewer seeds, on any number of threads."""
    instances = instances_of(problem, 4, dtype)
    theta = spread(instances, 5)
    objective = GeneratedObjective(instances, theta)
    for threads in (1, 3):
        value = objective.measure(instances, theta, threads)
        torch.testing.assert_close(value, measure_objective(instances, theta), rtol=tolerance, atol=tolerance)
    fewer = instances.select([0, 2])
    value = objective.measure(fewer, theta[[0, 2]][:, 1:])
    expected = measure_objective(fewer, theta[[0, 2]][:, 1:])
    torch.testing.assert_close(value, expected, rtol=tolerance, atol=tolerance)


def test_a_program_is_made_once_a_process():
    """For the problem, whatever its seeds; another precision or problem is another."""
    one, other = instances_of(NETWORK, 2, torch.float64), instances_of(NETWORK, 3, torch.float64)
    first = generated_objective(one, spread(one, 2))
    assert generated_objective(other, spread(other, 4)) is first
    single = instances_of(NETWORK, 2, torch.float32)
    assert generated_objective(single, spread(single, 2)) is not first


def test_a_lane_that_takes_too_much_memory_is_not_written(monkeypatch):
    """The eager measurement works in pieces."""
    monkeypatch.setattr("benchbed.engine.compiled_objective.MAX_BYTES", 1_000)
    instances = instances_of(NETWORK, 1, torch.float64)
    with pytest.raises(UnsupportedOperationError, match="a step that needs"):
        GeneratedObjective(instances, spread(instances, 1))


@pytest.fixture
def measured(run, monkeypatch):
    """Give a function that runs a batch without and with a program of its objective, and counts its measurements."""
    counted = []
    measure = GeneratedObjective.measure

    def count(self, *arguments):
        counted.append(arguments)
        return measure(self, *arguments)

    def twice(problem, factory, **more):
        records = []
        for worth in (np.inf, 0.0):
            monkeypatch.setattr("benchbed.engine.backends.WORTH_MEASURING", worth)
            records.append(run(problem, factory, engine="compiled", targets=(), **more))
        return (*records, len(counted))

    monkeypatch.setattr(GeneratedObjective, "measure", count)
    return twice


@pytest.mark.parametrize("problem", [NETWORK, LinearRegression()], ids=["shared data", "own data"])
def test_curves_are_those_of_the_eager_measurement(measured, problem):
    """To rounding; the steps are the same to the bit, and nothing is said, as nothing is amiss."""
    eager, native, count = measured(problem, adam, seeds=3, budget=100, learning_rate=[1e-3, 1e-2])
    assert count == eager.curve_calls.shape[-1] - 2  # neither the start nor the first step
    np.testing.assert_array_equal(eager.final_theta, native.final_theta)
    np.testing.assert_array_equal(eager.status, native.status)
    np.testing.assert_allclose(native.curve_objective, eager.curve_objective, rtol=1e-12, atol=1e-14)
    assert set(native.engine_reason.flat) == {"requested"}


def test_lanes_that_diverge_do_so_all_the_same(measured):
    """An objective that is not finite ends them, and others are dropped with their data."""
    eager, native, count = measured(
        LinearRegression(), sgd, seeds=4, budget=200, learning_rate=[10.0, 3.0, 1e-2]
    )
    assert count
    assert set(np.unique(eager.status.astype(str))) == {"diverged", "exhausted"}
    np.testing.assert_array_equal(eager.status, native.status)
    np.testing.assert_array_equal(eager.curve_calls, native.curve_calls)
    np.testing.assert_allclose(native.curve_objective, eager.curve_objective, rtol=1e-9)


def test_a_program_that_fails_leaves_the_eager_measurement(measured, monkeypatch):
    """Whatever it raises: no trial is lost, and the reason says so."""

    def fail(self, *arguments):
        raise MemoryError("no memory for a step")

    monkeypatch.setattr(GeneratedObjective, "measure", fail)
    eager, native, _ = measured(NETWORK, adam, seeds=2, budget=50, learning_rate=[1e-3])
    np.testing.assert_array_equal(eager.curve_objective, native.curve_objective)
    assert set(native.engine.flat) == {"compiled"}
    assert set(native.engine_reason.flat) == {
        "requested; its objective was measured eagerly: MemoryError: no memory for a step"
    }
