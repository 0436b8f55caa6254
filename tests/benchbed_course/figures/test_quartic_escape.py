"""The share of trials that leaves the local valley: counted, and as the transition probabilities have it."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from benchbed_course.figures import quartic_escape
from benchbed_course.figures.quartic_escape import (
    ends_in_global_valley,
    exact_shares,
    representatives,
    shares_by_step,
    stationary_points,
    trials_by_start,
)
from benchbed_course.figures.trials import Trial
from benchbed_problems.quartic import lowest_point, ridge

pytestmark = pytest.mark.slow

RATE, NOISE = 0.05, 4.5


def slope(theta):
    return 4 * theta**3 - 6 * theta + 1


def trial_of(path, seed=0, status="exhausted"):
    """Build a trial with this path, measured after every step."""
    path, steps = np.array(path, dtype=float), np.arange(len(path))
    return Trial(
        "quartic", "sgd", seed, {"learning_rate": RATE}, status, len(path) - 1, steps.astype(float), path**4,
        path**2, path[:, None], path[-1:], 1.0, {}, 0.0,
    )  # fmt: skip


def test_the_stationary_points_are_roots_and_in_order():
    """Two of them are the problem's own, by Viète's formula."""
    points = stationary_points()
    assert points[:2] == pytest.approx((lowest_point(), ridge()), abs=1e-14)
    assert sorted(points) == list(points)
    np.testing.assert_allclose([slope(point) for point in points], 0, atol=1e-13)


@pytest.mark.parametrize("start", [-2.0, -0.5, 0.0, 0.5, 1.0, 2.0])
def test_two_steps_are_the_integral_over_the_point_between(start):
    """By adaptive quadrature, whose own error is below 1e-10; one step is a normal probability."""
    deviation, mean = RATE * NOISE, start - RATE * slope(start)

    def after_one(point):
        return norm.cdf(ridge(), point - RATE * slope(point), deviation)

    def integrand(point):
        return norm.pdf(point, mean, deviation) * after_one(point)

    grid, shares = exact_shares(RATE, NOISE, 2)
    two, _ = quad(integrand, mean - 9 * deviation, mean + 9 * deviation, points=[mean], epsabs=1e-12)
    found = shares[:, np.abs(grid - start).argmin()]
    assert found == pytest.approx([float(start < ridge()), after_one(start), two], abs=1e-10)


def test_a_finer_grid_gives_the_same_shares_to_the_end(monkeypatch):
    """The sums of smooth integrands are exact: twice the cells move 250 steps by no more than rounding."""
    _, coarse = exact_shares(RATE, NOISE, 250)
    monkeypatch.setattr(quartic_escape, "_CELLS", 2 * quartic_escape._CELLS - 1)
    _, fine = exact_shares(RATE, NOISE, 250)
    inner = slice(20, -20)  # from the ends of the grid, where no trial is, a step leads out of it
    np.testing.assert_allclose(coarse[:, inner], fine[:, ::2][:, inner], atol=1e-10)


def test_the_trials_of_the_engine_have_these_probabilities(study_of):
    """From 0.5, at the ridge and from 0, within four standard errors of 400 seeds after each of 30 steps."""
    starts = [f"quartic[start={start}, gradient_noise={NOISE}]" for start in (0.5, 0.17, 0)]
    study = study_of("course-quartic-scan", problems=starts, steps=30, seeds=400)
    grid, exact = exact_shares(RATE, NOISE, 30)
    for row in trials_by_start(study):
        steps, measured = shares_by_step(row.sgd)
        expected = exact[steps.astype(int), np.abs(grid - row.start).argmin()]
        assert (np.abs(measured - expected) <= 4 * np.sqrt(expected * (1 - expected) / 400)).all()
        assert row.share == measured[-1]


def test_a_trial_that_diverged_ends_in_no_valley():
    """Also if its last point lies far to the left."""
    assert ends_in_global_valley(trial_of([1, -1]))
    assert not ends_in_global_valley(trial_of([1, 1]))
    assert not ends_in_global_valley(trial_of([1, -1e6], status="diverged"))


def test_a_trial_that_stopped_earlier_is_where_it_was():
    """Of three trials over three steps, one stopped after the first step, and one diverged after the second."""
    trials = [trial_of([1, -1, 1, -1]), trial_of([1, -1]), trial_of([1, -4, -1e9], status="diverged")]
    steps, shares = shares_by_step(trials)
    assert steps.tolist() == [0, 1, 2, 3]
    assert shares == pytest.approx([0, 2 / 3, 1 / 3, 2 / 3])


def test_the_first_of_either_kind_is_shown():
    """Or the first alone, if all end in the same valley."""
    stays, leaves = (
        [trial_of([1, 1], seed) for seed in range(2)],
        [trial_of([1, -1], seed) for seed in (5, 6)],
    )
    assert [trial.seed for trial in representatives([*stays, *leaves])] == [5, 0]
    assert [trial.seed for trial in representatives(stays)] == [0]


def test_the_interval_is_wilsons():
    """By his formula, for 30 of 40."""
    trials = [trial_of([1, -1])] * 30 + [trial_of([1, 1])] * 10
    row = quartic_escape.StartTrials(1.0, trial_of([1, 1]), trials)
    z, n, p = norm.ppf(0.975), 40, 0.75
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert row.escaped == 30
    assert row.interval == pytest.approx(
        [(p + z**2 / (2 * n) + sign * half) / (1 + z**2 / n) for sign in (-1, 1)]
    )
