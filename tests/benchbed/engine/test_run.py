"""A trial has the same result in any batch: alone, among others, in tiles, with other seeds, repeated."""

import numpy as np
import pytest
import torch

from benchbed.engine import run_batch
from benchbed.engine.backends import STATE_COPIES
from benchbed.engine.run import DRAW_BYTES, WORKSPACE_BYTES, lanes_of_a_tile, seeds_of_a_tile, tiles_of
from benchbed.gradients import forward_random, reverse
from benchbed.interfaces import Optimizer
from benchbed.metrics import distance_to_solution
from benchbed_optimizers.adam import adam
from benchbed_optimizers.gd import gd
from benchbed_optimizers.momentum import momentum
from benchbed_optimizers.sgd import sgd
from benchbed_problems.linear_regression import LinearRegression
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.runge import Runge
from benchbed_problems.shallow_network import ShallowNetwork
from benchbed_problems.toy_mean import ToyMean
from benchbed_problems.triangles import Triangles
from benchbed_problems.weighted_quartic import WeightedQuartic

PROBLEMS = {
    "runge": Runge(),
    "chebyshev": Runge(features=8, basis="chebyshev"),
    "quartic": Quartic(),
    "quadratic": Quadratic(),
    "rotated": Quadratic(dimension=5, rotated=True, gradient_noise=0.1),
    "weighted-quartic": WeightedQuartic(),
    "polynomial-network": PolynomialNetwork(samples=256),
    "linear-regression": LinearRegression(samples=20),
    "toy-mean": ToyMean(samples=256),
    "shallow-network": ShallowNetwork(hidden=5),
    "triangles": Triangles(),
}
OPTIMIZERS = {factory.__name__: factory for factory in (gd, sgd, momentum, adam)}
# Rates at which no path is chaotic: a chaotic one would amplify the last bit.
RATES = [1e-4, 1e-3, 5e-3]


@pytest.fixture(params=PROBLEMS)
def problem(request):
    """Each of the course's problems: exact, noisy, with data of each instance, shared data, mini-batches."""
    return PROBLEMS[request.param]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_lane_of_a_batch_equals_the_trial_alone(run, problem, lane_of, assert_same_lane, name):
    """Three rates on four seeds together equal batches of one trial at every checkpoint."""
    together = run(problem, OPTIMIZERS[name], seeds=4, budget=60, learning_rate=RATES)
    for seed, setting in [(0, 0), (1, 2), (3, 1)]:
        single = run(problem, OPTIMIZERS[name], seeds=[seed], budget=60, learning_rate=[RATES[setting]])
        assert_same_lane(lane_of(together, seed, setting), lane_of(single))


@pytest.mark.parametrize("bytes_of_work", [1, 4_000, 20_000])
def test_tiles_do_not_change_results(run, problem, lane_of, assert_same_lane, monkeypatch, bytes_of_work):
    """For any size of the pieces in which lanes and objectives are computed."""
    complete = run(
        problem, adam, seeds=3, budget=25, learning_rate=RATES, metrics={"d": distance_to_solution}
    )
    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", bytes_of_work)
    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", bytes_of_work)
    tiled = run(problem, adam, seeds=3, budget=25, learning_rate=RATES, metrics={"d": distance_to_solution})
    assert tiled.metrics.keys() == complete.metrics.keys()
    for name, values in complete.metrics.items():
        # The distance of a remote point is large beside its rounding, as are the other metrics.
        np.testing.assert_allclose(tiled.metrics[name], values, rtol=1e-10, err_msg=name)
    np.testing.assert_array_equal(tiled.optimum, complete.optimum)
    for seed in range(3):
        for setting in range(3):
            assert_same_lane(lane_of(tiled, seed, setting), lane_of(complete, seed, setting))


def test_a_tile_of_full_gradients_has_fewer_lanes(make_batch):
    """By as much as they use more samples, so that memory stays bounded."""
    network = PolynomialNetwork(samples=6_400)
    stochastic, full = (
        lanes_of_a_tile(make_batch(network, rule, learning_rate=[1e-3], dtype="float32"))
        for rule in (sgd, gd)
    )
    assert full == WORKSPACE_BYTES // (4 * (network.workspace + STATE_COPIES * network.layout.dimension))
    assert stochastic > 20 * full


@pytest.mark.parametrize(
    ("problem", "gradient", "of_a_seed"),
    [
        (Quadratic(), reverse, None),
        (Quadratic(gradient_noise=0.1), reverse, 2),
        (PolynomialNetwork(samples=256), reverse, 128),
        (Quadratic(dimension=50, gradient_noise=0.1), forward_random, 50 + 50),
    ],
)
def test_the_draws_of_a_tile_fit_into_their_memory(make_batch, problem, gradient, of_a_seed):
    """For each seed a thousand steps of noise, indices and directions, 8 bytes a number."""
    batch = make_batch(problem, sgd, gradient=gradient, seeds=3, learning_rate=[0.1])
    expected = None if of_a_seed is None else DRAW_BYTES // (1000 * 8 * of_a_seed)
    assert seeds_of_a_tile(batch) == expected


def test_tiles_of_few_seeds_do_not_change_results(run, make_batch, lane_of, assert_same_lane, monkeypatch):
    """If only the draws of two seeds fit, five seeds make three tiles."""
    problem = Quadratic(gradient_noise=0.1)
    complete = run(problem, adam, seeds=5, budget=25, learning_rate=RATES)
    monkeypatch.setattr("benchbed.engine.run.DRAW_BYTES", 2 * 1000 * 8 * 2)
    batch = make_batch(problem, adam, seeds=5, budget=25, learning_rate=RATES)
    assert [seeds.stop - seeds.start for seeds, _ in tiles_of(batch)] == [1, 2, 2]
    tiled = run(problem, adam, seeds=5, budget=25, learning_rate=RATES)
    for seed in range(5):
        for setting in range(3):
            assert_same_lane(lane_of(tiled, seed, setting), lane_of(complete, seed, setting))


def test_tiles_that_end_at_different_checkpoints_are_joined(run, monkeypatch, lane_of, assert_same_lane):
    """The shorter curves are padded with NaN."""
    rates = [1e-3, 0.015, 1e5]
    complete = run(Quadratic(), seeds=2, budget=1500, scale=200.0, learning_rate=rates)
    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", 1)
    tiled = run(Quadratic(), seeds=2, budget=1500, scale=200.0, learning_rate=rates)
    assert set(tiled.status.flat) == {"exhausted", "solved", "diverged"}
    for seed in range(2):
        for setting in range(3):
            assert_same_lane(lane_of(tiled, seed, setting), lane_of(complete, seed, setting))


@pytest.mark.parametrize("guilty", [0.1, 0.2])
def test_a_tile_that_raises_does_not_affect_the_metrics_of_others(run, monkeypatch, guilty):
    """With a tile for each lane, one lane fails and the others are complete."""

    def picky(learning_rate: float = 0.1):
        def update(oracle, state, theta):
            if (learning_rate == guilty).any():
                raise ArithmeticError("not this one")
            return theta - learning_rate * oracle.gradient, state

        return Optimizer(init=lambda theta: (), update=update)

    def build(learning_rate: float = 0.1):
        return picky(torch.as_tensor(learning_rate))

    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", 1)
    record = run(
        Quadratic(),
        build,
        seeds=2,
        budget=20,
        targets=(),
        metrics={"d": distance_to_solution},
        learning_rate=[0.1, 0.01, 0.2],
    )
    failed = np.array([0.1, 0.01, 0.2]) == guilty
    assert (record.status[:, failed] == "failed").all()
    assert "not this one" in record.error
    np.testing.assert_array_equal(np.isnan(record.metrics["d"]), np.broadcast_to(failed, (2, 3)))
    assert np.isfinite(record.final_theta[:, 1]).all()


def test_splitting_the_seeds_does_not_change_results(run, problem, lane_of, assert_same_lane):
    """A resumed study runs the missing seeds with the same results."""
    complete = run(problem, momentum, seeds=5, budget=30, learning_rate=RATES)
    halves = [
        run(problem, momentum, seeds=half, budget=30, learning_rate=RATES) for half in ([0, 3], [1, 2, 4])
    ]
    for half, seeds in zip(halves, ([0, 3], [1, 2, 4]), strict=True):
        for position, seed in enumerate(seeds):
            for setting in range(3):
                assert_same_lane(lane_of(half, position, setting), lane_of(complete, seed, setting))


def test_a_repeated_batch_is_equal_to_the_bit(make_batch, problem):
    """On one machine, chaotic lanes included."""
    batch = make_batch(
        problem, adam, seeds=3, budget=60, learning_rate=[1e-3, 0.1, 10.0], dtype=problem.dtype
    )
    first, second = run_batch(batch), run_batch(batch)
    for name in ("status", "calls", "calls_to_target", "curve_calls", "curve_objective", "final_theta"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


def test_measuring_every_step_does_not_change_the_path(run, lane_of):
    """The checkpoints lie on it."""
    sparse = lane_of(run(Quadratic(gradient_noise=1.0), targets=(), budget=120, learning_rate=[1e-3]))
    dense = lane_of(
        run(Quadratic(gradient_noise=1.0), targets=(), budget=120, every_step=True, learning_rate=[1e-3])
    )
    assert dense.curve_calls.tolist() == list(range(121))
    np.testing.assert_array_equal(
        dense.curve_objective[sparse.curve_calls.astype(int)], sparse.curve_objective
    )


def test_curves_longer_than_the_reserved_memory_are_complete(run):
    """300 checkpoints need the memory to grow three times; θ = (1 − η)^t throughout."""
    record = run(
        Quadratic(eigenvalues=(1.0,), start=1.0),
        targets=(),
        budget=300,
        every_step=True,
        learning_rate=[0.01, 0.001],
    )
    expected = (1 - np.array([[0.01], [0.001]])) ** np.arange(301)
    np.testing.assert_allclose(record.curve_theta[0, ..., 0], expected, rtol=1e-13)
    np.testing.assert_allclose(record.curve_gradient_norm[0], expected, rtol=1e-13)


def test_final_measures_belong_to_the_final_point(run):
    """Gradient norm and metrics at the end: |Λθ| and |θ| on the quadratic."""
    record = run(
        Quadratic(),
        seeds=3,
        targets=(),
        metrics={"distance": distance_to_solution},
        learning_rate=[1e-3, 1e-2],
    )
    eigenvalues = np.array([1.0, 100.0])
    np.testing.assert_allclose(
        record.gradient_norm, np.linalg.norm(eigenvalues * record.final_theta, axis=-1), rtol=1e-14
    )
    np.testing.assert_allclose(
        record.metrics["distance"], np.linalg.norm(record.final_theta, axis=-1), rtol=1e-14
    )


def test_float32_runs_the_cast_float64_instance(run):
    """Single precision starts at the rounded start of double precision and stays within rounding of its path."""
    double = run(Runge(), seeds=3, targets=(), budget=50, learning_rate=[0.01])
    single = run(Runge(), seeds=3, targets=(), budget=50, learning_rate=[0.01], dtype="float32")
    # 50 steps of rounding 6e-8 on numbers of size one.
    np.testing.assert_allclose(single.curve_objective, double.curve_objective, rtol=5e-6)
    np.testing.assert_array_equal(single.optimum, double.optimum)
