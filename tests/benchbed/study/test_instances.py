"""Figures rebuild the instances that a study evaluated."""

import pytest
import torch

import benchbed
from benchbed.study.instances import evaluation_instances
from benchbed_problems.linear_regression import LinearRegression
from benchbed_problems.quadratic import Quadratic

pytestmark = pytest.mark.slow


def test_starts_and_optima_are_those_of_the_trials(tmp_path):
    """The loss at the start and the minimizer's loss agree with the stored trials, seed by seed."""
    study = benchbed.run(
        problems=["linear-regression"], optimizers=["gd"], steps=3, seeds=2, tracks=["default"], seed=5,
        output=tmp_path / "study", jobs=1, executor="serial",
    )  # fmt: skip
    problem = LinearRegression()
    start, data = evaluation_instances(problem, "linear-regression", range(2), study_seed=5)
    assert start.shape == (2, problem.layout.dimension)
    losses = problem.objective(start[:, None], data)[:, 0]
    trials = study.trials.sort_values("seed")
    torch.testing.assert_close(
        losses, torch.tensor([curve[0] for curve in trials["curve_objective"]], dtype=torch.float64)
    )
    minimum = problem.objective(problem.minimizer(data), data).flatten()
    torch.testing.assert_close(minimum, torch.tensor(trials["optimum"].to_list(), dtype=torch.float64))


def test_seeds_may_be_any_numbers_in_any_order():
    """Each start depends on its own seed alone."""
    several = evaluation_instances(Quadratic(), "quadratic", [3, 1]).start
    alone = evaluation_instances(Quadratic(), "quadratic", [1]).start
    assert torch.equal(several[1:], alone)
