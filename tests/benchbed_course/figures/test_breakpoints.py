"""Breakpoints at the start, at the end, and of the best fits."""

import numpy as np
import pytest
import torch

from benchbed_course.figures.breakpoints import (
    bending,
    bent_interval,
    best_density,
    inner_breakpoints,
    is_inside,
    kink_error,
    network_trials,
    share_in,
)
from benchbed_problems.shallow_network import ShallowNetwork, runge

pytestmark = pytest.mark.slow

SEEDS = 3


class Shifted(ShallowNetwork):
    """A network whose kinks are wrong."""

    def kinks(self, theta):
        kinks = super().kinks(theta)
        return kinks._replace(intercept=kinks.intercept + 1)


@pytest.fixture(scope="module")
def fits(study_of):
    """A short study of two networks at two learning rates."""
    small = ["shallow-network[hidden=6]", "shallow-network[hidden=6, activation=tanh]"]
    return network_trials(study_of("course-shallow-network", problems=small, steps=20, seeds=SEEDS))


def test_the_trials_are_grouped_by_network_and_rate(fits):
    """In the suite's order, each group with all seeds."""
    groups = [(group.problem.activation, group.rate, [t.seed for t in group.trials]) for group in fits]
    seeds = list(range(SEEDS))
    assert groups == [(name, rate, seeds) for name in ("relu", "tanh") for rate in (0.01, 0.03)]


def test_the_starts_are_those_of_the_trials(fits):
    """Their objective is the first value of the recorded curve, in float32."""
    data = fits[0].problem.shared_data()
    for group in fits:
        objective = group.problem.objective(group.starts, data).numpy()
        np.testing.assert_allclose(objective, [trial.loss[0] for trial in group.trials], rtol=1e-5)


def test_the_ends_are_those_of_the_trials(fits):
    """Their objective is the last value of the curve."""
    data = fits[0].problem.shared_data()
    for group in fits:
        objective = group.problem.objective(group.ends, data).numpy()
        np.testing.assert_allclose(objective, [trial.loss[-1] for trial in group.trials], rtol=1e-5)


def test_breakpoints_agree_with_a_plain_loop(fits):
    """−b/w by hand, those in [0, 1]."""
    breakpoints = inner_breakpoints(fits[0])
    by_hand = [-b / w for theta in fits[0].ends.tolist() for w, b in zip(theta[:6], theta[6:12], strict=True)]
    assert breakpoints.after.tolist() == [x for x in by_hand if 0 <= x <= 1]
    assert breakpoints.total == len(by_hand) == 6 * SEEDS


def test_a_breakpoint_that_is_nan_is_not_inside():
    """Nor is one at infinity; the ends of the interval are."""
    breakpoints = np.array([0.0, 1.0, -1e-9, 1.1, np.inf, -np.inf, np.nan])
    assert is_inside(breakpoints).tolist() == [True, True, False, False, False, False, False]


def test_the_sum_of_kinks_is_the_network(fits):
    """Up to rounding; a network with wrong kinks differs."""
    assert kink_error(fits[0]) < 1e-14
    shifted = fits[0]._replace(problem=Shifted(hidden=6))
    assert kink_error(shifted) > 0.1


def test_the_bending_is_the_second_derivative_of_the_target():
    """By autograd, twice."""
    x = torch.linspace(0, 1, 101, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(runge(x).sum(), x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), x)
    np.testing.assert_allclose(bending(x.detach().numpy()), curvature.abs(), rtol=1e-11, atol=1e-11)


def test_the_shaded_part_contains_four_fifths_of_the_bending():
    """By the variation of the slope: four times its largest |y'|, minus the variation outside."""

    def slope(x):
        z = 2 * x - 1
        return abs(100 * z / (1 + 25 * z**2) ** 2)

    low, high = bent_interval()
    steepest = slope(0.5 + 0.5 / np.sqrt(75))
    total = 2 * (2 * steepest - slope(1.0))
    assert low + high == pytest.approx(1, abs=1e-12)
    assert 2 * (2 * steepest - slope(high)) / total == pytest.approx(0.8, abs=1e-3)


def test_the_best_density_minimizes_the_error():
    """∫ |y''|² / density⁴, among densities proportional to powers of |y''| around 2/5; and it integrates to 1."""
    x = (np.arange(20_000) + 0.5) / 20_000

    def error(density):
        return (bending(x) ** 2 / density**4).mean()

    powers = {power: bending(x) ** power for power in (0.34, 0.38, 0.42, 0.46)}
    assert best_density(x).mean() == pytest.approx(1, abs=1e-12)
    assert all(error(best_density(x)) < error(values / values.mean()) for values in powers.values())


def test_the_share_of_no_breakpoints_is_nan():
    """Of four breakpoints, two lie in the interval, its ends included."""
    assert np.isnan(share_in(np.array([]), (0.3, 0.7)))
    assert share_in(np.array([0.1, 0.3, 0.5, 0.8]), (0.3, 0.7)) == 0.5
