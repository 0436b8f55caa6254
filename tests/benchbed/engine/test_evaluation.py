"""Objectives, metrics, starts, scales and surfaces are evaluated on the noise-free objective."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchbed.engine import objective_at, scale_of, solution_of
from benchbed.interfaces import START_IN_BASIN, Layout, Optimizer, Problem
from benchbed.seeds import InstanceSeed
from benchbed_optimizers.sgd import sgd
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic, lowest_point

RATES = [1e-4, 1e-3]


@dataclass(frozen=True)
class Wells(Problem):
    """Minimize Σ (θᵢ² − 1)² + tilt θ₁; the tilt of an instance decides which side is lower."""

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
    """The same problem, written for a single trial."""

    per_trial = True

    def in_basin(self, theta, data):
        assert theta.dim() == 1
        return theta[0] * data[0] < 0


def problem_with_basin(in_basin_of, **fields):
    """Return a problem class whose `in_basin` returns `answer(theta)`."""
    return type("Wells", (Wells,), {"in_basin": lambda self, theta, data: in_basin_of(theta), **fields})


def test_every_trial_stores_whether_its_start_is_in_the_basin(run):
    """On the quartic: left of the middle root of 4θ³ − 6θ + 1, for any rate and any end of the trial."""
    record = run(Quartic(), seeds=12, budget=30, learning_rate=RATES)
    ridge = np.sort(np.roots([4, 0, -6, 1]).real)[1]
    expected = record.curve_theta[:, :, 0, 0] < ridge
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(record.metrics[START_IN_BASIN], expected.astype(float))


@pytest.mark.parametrize("problem", [Wells(), WellsAlone()], ids=["batched", "per trial"])
@pytest.mark.parametrize("bytes_of_work", [1, 1 << 22])
def test_in_basin_receives_the_data_of_each_instance(run, monkeypatch, problem, bytes_of_work):
    """In one piece or one lane at a time, written for many trials or for one."""
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
    [
        Quadratic(),
        problem_with_basin(lambda theta: None)(),
        problem_with_basin(lambda theta: None, per_trial=True)(),
    ],
    ids=["by default", "None", "None, per trial"],
)
def test_an_unknown_basin_is_not_stored(run, problem):
    """Problems with one minimum, or without known basins, have no such metric."""
    record = run(problem, seeds=2, scale=None, targets=(), budget=5, learning_rate=RATES)
    assert set(record.status.flat) == {"exhausted"}
    assert START_IN_BASIN not in record.metrics


@pytest.mark.parametrize(
    ("in_basin_of", "per_trial"),
    [
        (lambda theta: (theta[..., 0] > 0).double(), False),
        (lambda theta: (theta[..., 0] > 0).double(), True),
        (lambda theta: theta > 0, False),
        (lambda theta: theta > 0, True),
        (lambda theta: torch.tensor(True), False),
    ],
    ids=["numbers", "a number", "coordinates", "coordinates of one", "one for all"],
)
def test_an_in_basin_of_another_shape_or_type_is_rejected(run, in_basin_of, per_trial):
    """It would be broadcast over all lanes, or taken for a share; the trials run without it."""
    problem = problem_with_basin(in_basin_of, per_trial=per_trial)()
    record = run(problem, budget=5, scale=None, learning_rate=RATES)
    assert np.isnan(record.metrics[START_IN_BASIN]).all()
    for reason in record.metric_errors[START_IN_BASIN].flat:
        assert re.search(r"in_basin returns .*; return a bool for each trial", reason)


def test_a_failed_trial_has_no_metrics(run):
    """Nothing is measured at the end of a trial whose plugin raised."""

    def broken(learning_rate: float = 0.1):
        def update(oracle, state, theta):
            raise ArithmeticError("no")

        return Optimizer(init=lambda theta: (), update=update)

    record = run(Quartic(), broken, budget=5, learning_rate=RATES)
    assert set(record.status.flat) == {"failed"}
    assert record.metrics == {}


def starts_of(problem, name, count, study_seed=7):
    seeds = [InstanceSeed(study_seed, name, "scale", index).generator_seed("start") for index in range(count)]
    starts = [problem.make_start(torch.Generator().manual_seed(seed)) for seed in seeds]
    if problem.start_strata > 1:
        starts = [
            problem.place_start(start, index % problem.start_strata) for index, start in enumerate(starts)
        ]
    return np.stack([start.numpy().ravel() for start in starts])


def lower_median(values):
    """Return the ⌈n/2⌉-th smallest."""
    return sorted(values)[(len(values) + 1) // 2 - 1]


def test_the_scale_is_the_lower_median_over_a_thousand_instances():
    """½(θ₁² + 100 θ₂²) over the starts of the role scale: the 500th of 1000 numbers."""
    start = starts_of(Quadratic(), "quadratic", 1000)
    expected = lower_median(0.5 * (start**2 @ [1.0, 100.0]))
    assert scale_of(Quadratic(), "quadratic", 7) == pytest.approx(expected, rel=1e-14)


def test_the_scale_is_measured_from_the_optimum():
    """On the quartic f* is far below 0."""
    start = starts_of(Quartic(), "quartic", 1000)[:, 0]
    low = lowest_point()
    expected = lower_median(start**4 - 3 * start**2 + start) - (low**4 - 3 * low**2 + low)
    assert scale_of(Quartic(), "quartic", 7) == pytest.approx(expected, rel=1e-13)


def test_a_problem_sets_the_number_of_scale_instances():
    """Networks use 20, as their objective is expensive."""
    problem = PolynomialNetwork(dimension=2, samples=16, hidden=(3,), batch_size=4)
    data = problem.shared_data()
    start = torch.from_numpy(starts_of(problem, "net", 20))
    expected = lower_median([problem.objective(theta, data).item() for theta in start])
    assert scale_of(problem, "net", 7) == pytest.approx(expected, rel=1e-13)


def test_another_study_seed_has_another_scale():
    """`--seed` changes all seeds at once, those of the role scale too."""
    assert scale_of(Quadratic(), "quadratic", 7) != scale_of(Quadratic(), "quadratic", 8)


def test_a_fixed_start_has_the_scale_of_that_start():
    """If nothing is drawn, one instance stands for all: 0.5 (1 + 100) 2² from (2, 2)."""
    assert scale_of(Quadratic(start=2.0), "quadratic", 7) == 202.0


def test_instances_that_differ_only_in_their_data_are_all_measured(valleys):
    """A drawn curvature changes f₀ at a fixed start: ½ c |θ|² over the 1000 instances."""

    @dataclass(frozen=True)
    class FixedStart(type(valleys)):
        def make_start(self, generator):
            return torch.ones(3, dtype=torch.float64)

    problem = FixedStart()
    seeds = [InstanceSeed(7, "valleys", "scale", index).generator_seed("data") for index in range(1000)]
    curvatures = [problem.make_data(torch.Generator().manual_seed(seed)).item() for seed in seeds]
    assert set(curvatures) == {1.0, 1000.0}
    assert scale_of(problem, "valleys", 7) == 1.5 * lower_median(curvatures)


def test_without_an_optimum_there_is_no_scale(formula):
    """The gap needs f*."""
    assert scale_of(formula(lambda theta: theta.sum(-1), optimum_known=False), "formula", 7) is None


@pytest.mark.parametrize("start", [0.0, -1.0])
def test_a_problem_that_starts_at_its_optimum_has_the_scale_one(formula, start):
    """Division by 0 or by a negative difference must not happen."""
    assert scale_of(formula(lambda theta: theta.sum(-1), start=(start,)), "formula", 7) == 1.0


@dataclass(frozen=True)
class ModuleWeights(Problem):
    """Minimize |θ|² from the initial weights of a torch module, drawn from the global generator."""

    layout = Layout({"theta": (7,)})
    scale_instances = 9

    def make_start(self, generator):
        return torch.nn.utils.parameters_to_vector(torch.nn.Linear(6, 1).parameters()).detach()

    def objective(self, theta, data):
        return theta.square().sum(-1)

    def optimum(self, data):
        return torch.zeros((), dtype=torch.float64)


def test_a_module_drawn_from_the_global_generator_has_a_reproducible_scale():
    """The scale depends on the study seed alone, and the global generator keeps its state."""
    state = torch.get_rng_state()
    first = scale_of(ModuleWeights(), "module", 7)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(123)
    assert scale_of(ModuleWeights(), "module", 7) == first
    norms = []
    for index in range(9):
        torch.manual_seed(InstanceSeed(7, "module", "scale", index).generator_seed("start"))
        norms.append(ModuleWeights().make_start(None).double().square().sum().item())
    assert first == pytest.approx(lower_median(norms), rel=1e-14)


SEED = InstanceSeed(0, "some-problem", "evaluation", 2)


@pytest.mark.parametrize("bytes_of_work", [1, 1 << 26])
def test_the_objective_is_noise_free_at_every_point(monkeypatch, bytes_of_work):
    """½(θ₁² + 100 θ₂²) on a grid, in pieces of any size."""
    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", bytes_of_work)
    points = np.stack(np.meshgrid(np.linspace(-2, 2, 7), np.linspace(-1, 1, 5)), axis=-1).reshape(-1, 2)
    values = objective_at(Quadratic(gradient_noise=3.0), SEED, points)
    np.testing.assert_allclose(values, 0.5 * (points**2 @ [1.0, 100.0]), rtol=1e-14)


def test_the_objective_uses_the_data_of_the_seed():
    """A rotated quadratic is measured with the rotation of the instance."""
    problem = Quadratic(rotated=True)
    points = np.random.default_rng(0).normal(size=(9, 2))
    first, second = (
        objective_at(problem, SEED._replace(role=role), points) for role in ("evaluation", "tuning")
    )
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(first, objective_at(problem, SEED, points))


@pytest.mark.parametrize(
    ("problem", "optimum", "minimizer"),
    [
        (Quadratic(), 0.0, [0.0, 0.0]),
        (Quadratic(rotated=True), 0.0, [0.0, 0.0]),
        (Quartic(), lowest_point() ** 4 - 3 * lowest_point() ** 2 + lowest_point(), [lowest_point()]),
    ],
)
def test_the_solution_is_that_of_the_instance(problem, optimum, minimizer):
    """Optimum and minimizer, for shared data, data of each instance and no data."""
    value, point = solution_of(problem, SEED)
    assert value == pytest.approx(optimum, rel=1e-14)
    np.testing.assert_array_equal(point, minimizer)


def test_a_problem_without_a_known_solution_returns_none(formula):
    """For both the optimum and the minimizer."""
    assert solution_of(formula(lambda theta: theta.sum(-1), optimum_known=False), SEED) == (None, None)
