"""Metrics are measured for all trials at once, and for each trial alone where they raise."""

import numpy as np
import pytest
import torch

from benchbed.engine import run_batch
from benchbed.engine.metrics import faulty_metrics, measure_metrics
from benchbed.engine.sampling import Instances
from benchbed.interfaces import Layout, Problem
from benchbed.seeds import InstanceSeed
from benchbed_optimizers.sgd import sgd


class Line(Problem):
    """A problem of one dimension without anything to measure."""

    @property
    def layout(self):
        return Layout({"x": (1,)})

    def make_start(self, generator):
        return torch.rand(1, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        return theta[..., 0]


@pytest.fixture
def measure():
    """Return a function that measures a metric at the points 0, 1, 2 and 3 of two seeds and two settings."""
    instances = Instances(Line(), [InstanceSeed(0, "line", "evaluation", number) for number in range(2)])
    point = torch.arange(4, dtype=torch.float64).reshape(2, 2, 1)

    def run(metric):
        result = measure_metrics({"mine": metric}, instances, point, {}).get("mine")
        np.testing.assert_array_equal(point.flatten(), range(4))  # no metric overwrites it
        return result

    return run


def test_a_metric_is_a_number_for_each_trial(measure):
    """Of any real type."""
    for dtype in (torch.float64, torch.float32, torch.int32):
        values, errors = measure(lambda problem, theta, data, dtype=dtype: theta[..., 0].to(dtype))
        assert values.tolist() == [[0, 1], [2, 3]]
        assert not errors.any()


def test_a_metric_may_not_apply(measure):
    """It is not a failure then."""
    assert measure(lambda problem, theta, data: None) is None


def test_the_trials_for_which_a_metric_raises_have_a_reason(measure):
    """The others have their values."""

    def raises_at_two(problem, theta, data):
        if (theta == 2).any():
            raise ValueError("two")
        return theta.mul_(10)[..., 0]

    values, errors = measure(raises_at_two)
    np.testing.assert_array_equal(values, [[0, 10], [np.nan, 30]])
    assert errors.tolist() == [[None, None], ["ValueError: two", None]]


def test_a_metric_that_mixes_trials_is_rejected(measure):
    """Each trial alone has another value."""
    values, errors = measure(lambda problem, theta, data: theta[..., 0] - theta.mean())
    assert np.isnan(values).all()
    assert all("depends on the other trials" in reason for reason in errors.flat)


class Guesses(Line):
    """A problem whose own metric and basin draw from generators of their own."""

    generator = np.random.default_rng(1)

    @property
    def metrics(self):
        return {
            "guess": lambda theta, data: theta[..., 0] * self.generator.random(),
            "x": lambda theta, data: theta[..., 0],
        }

    def in_basin(self, theta, data):
        return theta[..., 0] > self.generator.random()


def test_noise_costs_a_metric_its_column(make_batch):
    """Also one of the problem, and whether a start is in the basin; the others are measured."""
    batch = make_batch(
        Guesses(), sgd, metrics={"y": lambda problem, theta, data: theta[..., 0]}, learning_rate=[0.1]
    )
    faulty = faulty_metrics(batch)
    assert set(faulty) == {"guess", "start_in_basin"}
    record = run_batch(batch._replace(faulty_metrics=faulty))
    for name in ("guess", "start_in_basin"):
        assert np.isnan(record.metrics[name]).all()
        assert "returns other numbers when it is called again" in record.metric_errors[name][0, 0]
    for name in ("x", "y"):
        np.testing.assert_array_equal(record.metrics[name], record.final_theta[..., 0])
