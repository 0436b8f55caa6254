"""The closed forms of the polynomial fits, against exact arithmetic and against plain loops."""

from fractions import Fraction

import numpy as np
import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.study.figure_plans import plan_of
from benchbed_course.figures.least_squares import (
    closed_form,
    descent,
    fits,
    least_norm,
    median,
    samples_of,
    stopped_early,
)
from benchbed_problems.runge import Runge

pytestmark = pytest.mark.slow

THRESHOLD = 15


@pytest.fixture(scope="module")
def plan():
    """The plan of the course's suite."""
    return plan_of(load_catalog(), "course-runge", full=False)


def exact_least_norm(design, y):
    """Compute Xᵀ (X Xᵀ)⁻¹ y in rational numbers, rounded at the end."""
    x = [[Fraction(value) for value in row] for row in design.tolist()]
    rows = [[sum(a * b for a, b in zip(p, q, strict=True)) for q in x] for p in x]
    rows = [[*row, Fraction(value)] for row, value in zip(rows, y.tolist(), strict=True)]
    for i, pivot in enumerate(rows):  # positive definite: no pivot is 0
        for j, row in enumerate(rows):
            if j != i:
                factor = row[i] / pivot[i]
                rows[j] = [a - factor * b for a, b in zip(row, pivot, strict=True)]
    weights = [row[-1] / row[i] for i, row in enumerate(rows)]
    return np.array(
        [float(sum(w * row[k] for w, row in zip(weights, x, strict=True))) for k in range(len(x[0]))]
    )


@pytest.mark.parametrize("basis", ["monomial", "chebyshev"])
def test_the_least_norm_is_that_of_exact_arithmetic(plan, basis):
    """Rounding moves it by about the condition number, here at most 4e5, times 1e-16."""
    data = samples_of(plan, Runge(features=2 * THRESHOLD, samples=THRESHOLD, basis=basis))
    found = least_norm(data)
    seed = int(np.linalg.cond(data.design[:, 0].numpy()).argmin())
    exact = exact_least_norm(data.design[seed, 0], data.y[seed, 0])
    np.testing.assert_allclose(found[seed], exact, rtol=0, atol=1e-9 * np.linalg.norm(exact))


@pytest.mark.parametrize("basis", ["monomial", "chebyshev"])
def test_where_the_problem_knows_its_minimizer_it_is_the_same(plan, basis):
    """Below, at and above the threshold, on the same instances."""
    for features, (problem, data) in enumerate(fits(plan, basis), 1):
        assert problem.features == features
        if features in (3, 15, 16):
            np.testing.assert_array_equal(least_norm(data), problem.minimizer(data)[:, 0].numpy())


@pytest.mark.parametrize(("rate", "steps"), [(0.1, 1), (0.1, 400), (0.7, 25)])
def test_stopped_descent_is_a_loop_of_steps(plan, rate, steps):
    """Slow directions (η s² down to 1e-13) and fast ones, in which 1 − η s² is negative."""
    for features in (4, 15, 20):
        data = samples_of(plan, Runge(features=features, samples=THRESHOLD, basis="chebyshev"))
        design, y = data.design[:, 0].numpy(), data.y[:, 0].numpy()
        theta = np.zeros((len(y), features))
        for _ in range(steps):
            residual = np.einsum("nif,nf->ni", design, theta) - y
            theta -= rate * np.einsum("nif,ni->nf", design, residual) / y.shape[-1]
        np.testing.assert_allclose(descent(data, rate, steps), theta, rtol=1e-9, atol=1e-12)


def test_endless_descent_is_least_squares(plan):
    """If the fit is well-conditioned, enough steps lead to the solution of least norm."""
    data = samples_of(plan, Runge(features=4, samples=THRESHOLD, basis="chebyshev"))
    np.testing.assert_allclose(descent(data, 0.1, 100_000), least_norm(data), rtol=1e-9)


def test_in_the_chebyshev_basis_the_test_loss_peaks_at_the_threshold(plan):
    """In at least eight of the ten seeds; the training loss falls until the polynomial interpolates."""
    train, test = closed_form(plan, "chebyshev")
    assert test.shape == (2 * THRESHOLD, 10)
    assert (test.argmax(0) + 1 == THRESHOLD).sum() >= 8
    assert (test[-1] < 1e-3 * test[THRESHOLD - 1]).sum() >= 8
    assert (np.diff(train[:THRESHOLD], axis=0) <= 0).all()
    assert (train[THRESHOLD:] < 1e-12).all()


def test_with_monomials_the_test_loss_stays_where_it_was(plan):
    """The median does not come down, and half of the seeds grow on; below it the bases span the same polynomials."""
    monomial, chebyshev = closed_form(plan, "monomial"), closed_form(plan, "chebyshev")
    middle = median(monomial.test)
    assert middle[THRESHOLD:].min() > 0.01 * middle[THRESHOLD - 1]
    assert (monomial.test[-1] > 100 * chebyshev.test[-1]).all()
    assert (monomial.test[THRESHOLD:].max(0) > monomial.test[THRESHOLD - 1]).sum() >= 5
    np.testing.assert_allclose(monomial.test[:8], chebyshev.test[:8], rtol=1e-6)


def test_early_stopping_takes_the_peak_away(plan):
    """After 3 000 steps of gradient descent no test loss is near that of the closed form at the threshold."""
    stopped = stopped_early(plan, "chebyshev", 0.1, 3000)
    assert stopped.max() < 1
    assert median(closed_form(plan, "chebyshev").test).max() > 1e6


def test_the_median_is_the_lower_one():
    """As in the protocol's tables: of four, the second."""
    assert median(np.array([[4.0, 1.0, 3.0, 2.0], [7.0, 5.0, 6.0, 8.0]])).tolist() == [2.0, 6.0]
