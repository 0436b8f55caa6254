"""What is known of a trial's start: whether it lies in the basin of the optimum."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchbed.interfaces import START_IN_BASIN, Layout, Optimizer, Problem
from benchbed.seeds import InstanceSeed
from benchbed_optimizers.sgd import sgd
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic

RATES = [1e-4, 1e-3]


@dataclass(frozen=True)
class Wells(Problem):
    """Minimize Σ (θᵢ² − 1)² + tilt θ₁; the tilt, each instance's own, says which side is the lower."""

    layout = Layout({"theta": (2,)})

    def make_start(self, generator):
        return torch.randn(2, generator=generator, dtype=torch.float64)

    def make_data(self, generator):
        return torch.rand(1, generator=generator, dtype=torch.float64) - 0.5

    def objective(self, theta, data):
        return (theta.square() - 1).square().sum(-1) + data[..., 0] * theta[..., 0]

    def in_basin(self, theta, data):
        return theta[..., 0] * data[..., 0] < 0


class WellsAlone(Wells):
    """The same, written for a single trial."""

    per_trial = True

    def in_basin(self, theta, data):
        assert theta.dim() == 1
        return theta[0] * data[0] < 0


def says(answer, **fields):
    """Make a class of problems of which `in_basin` says `answer(theta)`."""
    return type("Wells", (Wells,), {"in_basin": lambda self, theta, data: answer(theta), **fields})


def test_every_trial_keeps_whether_its_start_is_in_the_basin(run):
    """On the quartic: left of the middle root of 4θ³ − 6θ + 1, whatever the rate, and wherever the trial ends."""
    record = run(Quartic(), seeds=12, budget=30, learning_rate=RATES)
    ridge = np.sort(np.roots([4, 0, -6, 1]).real)[1]
    expected = record.curve_theta[:, :, 0, 0] < ridge
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(record.metrics[START_IN_BASIN], expected.astype(float))


@pytest.mark.parametrize("problem", [Wells(), WellsAlone()], ids=["batched", "per trial"])
@pytest.mark.parametrize("bytes_of_work", [1, 1 << 22])
def test_it_sees_each_instances_own_data(run, monkeypatch, problem, bytes_of_work):
    """In one piece or a lane at a time, written for many or for one."""
    monkeypatch.setattr("benchbed.engine.evaluation.MEASURE_BYTES", bytes_of_work)
    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", bytes_of_work)
    record = run(problem, sgd, seeds=9, scale=None, targets=(), budget=5, learning_rate=RATES)
    seeds = [InstanceSeed(0, type(problem).__name__.lower(), "evaluation", index) for index in range(9)]
    generators = [torch.Generator().manual_seed(seed.generator_seed("data")) for seed in seeds]
    tilts = np.array([problem.make_data(generator).item() for generator in generators])
    expected = record.curve_theta[:, :, 0, 0] * tilts[:, None] < 0
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(record.metrics[START_IN_BASIN], expected.astype(float))


@pytest.mark.parametrize(
    "problem",
    [Quadratic(), says(lambda theta: None)(), says(lambda theta: None, per_trial=True)()],
    ids=["by default", "None", "None, per trial"],
)
def test_where_it_is_not_known_nothing_is_kept(run, problem):
    """A problem with one minimum, or of which basins cannot be told, has no such measure."""
    record = run(problem, seeds=2, scale=None, targets=(), budget=5, learning_rate=RATES)
    assert set(record.status.flat) == {"exhausted"}
    assert START_IN_BASIN not in record.metrics


@pytest.mark.parametrize(
    ("answer", "per_trial"),
    [
        (lambda theta: (theta[..., 0] > 0).double(), False),
        (lambda theta: (theta[..., 0] > 0).double(), True),
        (lambda theta: theta > 0, False),
        (lambda theta: theta > 0, True),
        (lambda theta: torch.tensor(True), False),
    ],
    ids=["numbers", "a number", "coordinates", "coordinates of one", "one for all"],
)
def test_an_answer_of_another_kind_is_refused(run, answer, per_trial):
    """It would be stretched over all lanes, or taken for a share, without a word."""
    with pytest.raises(ValueError, match=r"in_basin returns .*; return a bool for each trial"):
        run(says(answer, per_trial=per_trial)(), budget=5, scale=None, learning_rate=RATES)


def test_a_trial_that_fails_has_none(run):
    """Nothing is measured at the end of a trial whose plugin raised."""

    def broken(learning_rate: float = 0.1):
        def update(oracle, state, theta):
            raise ArithmeticError("no")

        return Optimizer(init=lambda theta: (), update=update)

    record = run(Quartic(), broken, budget=5, learning_rate=RATES)
    assert set(record.status.flat) == {"failed"}
    assert record.metrics == {}
