"""runge: bases, exact optimum, data."""

import numpy as np
import pytest
import torch
from scipy.interpolate import BarycentricInterpolator

from benchbed_problems.runge import Runge, chebyshev, monomials

Z = torch.linspace(-1, 1, 41, dtype=torch.float64)


def test_the_monomials_are_the_powers():
    """1, z, z², … equal the columns of numpy's Vandermonde matrix."""
    np.testing.assert_allclose(monomials(Z, 7), np.vander(Z, 7, increasing=True), rtol=1e-14)


def test_the_chebyshev_polynomials_are_numpys():
    """arccos loses a few units in the last place near the ends."""
    np.testing.assert_allclose(chebyshev(Z, 12), np.polynomial.chebyshev.chebvander(Z, 11), atol=1e-13)


@pytest.mark.parametrize("basis", ["monomial", "chebyshev"])
@pytest.mark.parametrize("features", [1, 5, 10, 15])
def test_the_optimum_is_numpys_least_squares(basis, features, data_of):
    """Residual sums of `numpy.linalg.lstsq`, for numbers of features with moderate condition numbers."""
    problem = Runge(features=features, basis=basis)
    data = data_of(problem)
    _, squares, _, _ = np.linalg.lstsq(data.design.numpy(), data.y.numpy(), rcond=None)
    assert problem.optimum(data).item() == pytest.approx(0.5 * squares[0] / 20, rel=1e-9)


def test_both_bases_have_the_same_optimum(data_of):
    """They span the same polynomials, even where the monomial system is too ill-conditioned to solve."""
    features = 19
    optima = [
        problem.optimum(data_of(problem))
        for problem in (Runge(features=features), Runge(features=features, basis="chebyshev"))
    ]
    assert torch.equal(*optima)
    assert optima[0] > 0


@pytest.mark.parametrize("features", [20, 21, 40])
@pytest.mark.parametrize("basis", ["monomial", "chebyshev"])
def test_the_optimum_of_an_interpolation_is_zero(features, basis, data_of):
    """With as many features as samples the polynomial passes through all points."""
    problem = Runge(features=features, basis=basis)
    assert problem.optimum(data_of(problem)).item() == 0


def test_above_interpolation_the_minimizer_has_least_norm(data_of):
    """It equals the solution of the pseudo-inverse, whose test loss shows double descent."""
    problem = Runge(features=30, basis="chebyshev", samples=15)
    data = data_of(problem)
    expected = np.linalg.pinv(data.design.numpy()) @ data.y.numpy()
    np.testing.assert_allclose(problem.minimizer(data), expected, atol=1e-10)


@pytest.mark.parametrize("features", [1, 4, 12, 16])
@pytest.mark.parametrize("seed", range(10))
def test_the_minimizer_of_few_monomials_attains_the_optimum(features, seed, data_of):
    """Up to 16 features, rounding stays below a thousandth of the hardest target."""
    problem = Runge(features=features)
    data = data_of(problem, seed)
    excess = problem.objective(problem.minimizer(data), data) - problem.optimum(data)
    assert abs(excess.item()) < 1e-12


def test_many_monomials_have_no_minimizer(data_of):
    """Rounding would make it miss the optimum."""
    problem = Runge(features=17)
    assert problem.minimizer(data_of(problem)) is None


def test_the_values_are_the_function_plus_noise(generator):
    """100 000 residuals have mean 0 and the stated deviation, within four standard errors."""
    data = Runge(features=1, samples=100_000, observation_noise=0.1).make_data(generator())
    residual = data.y - 1 / (1 + 25 * data.z**2)
    assert residual.mean().item() == pytest.approx(0, abs=4 * 0.1 / 100_000**0.5)
    assert residual.std().item() == pytest.approx(0.1, rel=4 / 200_000**0.5)


def test_points_are_uniform_on_the_interval(generator):
    """Mean 0 and variance 1/3, within four standard errors of 100 000 draws."""
    z = Runge(features=1, samples=100_000).make_data(generator()).z
    assert z.abs().max() <= 1
    assert z.mean().item() == pytest.approx(0, abs=4 * (1 / 3) ** 0.5 / 100_000**0.5)
    assert z.var().item() == pytest.approx(1 / 3, abs=4 * 0.3 / 100_000**0.5)


def test_equispaced_points_are_evenly_spaced_with_the_same_noise(data_of):
    """From −1 to 1, as numpy spaces them; noise and test set are those of uniform points, so results are paired."""
    uniform, equispaced = data_of(Runge(samples=15)), data_of(Runge(samples=15, points="equispaced"))
    np.testing.assert_allclose(equispaced.z, np.linspace(-1, 1, 15), rtol=0, atol=1e-15)
    noises = [data.y - 1 / (1 + 25 * data.z**2) for data in (uniform, equispaced)]
    np.testing.assert_allclose(noises[0], noises[1], rtol=0, atol=1e-15)
    assert torch.equal(equispaced.test_y, uniform.test_y)
    assert torch.equal(equispaced.design, monomials(equispaced.z, 10))


def test_the_default_data_keeps_its_bits(generator):
    """Drawn again by the formula: stored trials stay valid."""
    data, replay = Runge().make_data(generator()), generator()
    for z, y, count in ((data.z, data.y, 20), (data.test_z, data.test_y, 200)):
        expected_z = 2 * torch.rand(count, generator=replay, dtype=torch.float64) - 1
        noise = 0.1 * torch.randn(count, generator=replay, dtype=torch.float64)
        assert torch.equal(z, expected_z)
        assert torch.equal(y, 1 / (1 + 25 * expected_z.square()) + noise)


def test_interpolants_of_equispaced_points_are_scipys():
    """The exact interpolant by barycentric weights: without noise and through all points it swings far beyond 1."""
    features = 15
    problem = Runge(
        features=features, samples=features, observation_noise=0.0, points="equispaced", basis="chebyshev"
    )
    data = problem.make_data(torch.Generator().manual_seed(0))
    nodes, z = np.linspace(-1, 1, features), np.linspace(-1, 1, 501)
    expected = BarycentricInterpolator(nodes, 1 / (1 + 25 * nodes**2))(z)
    fit = np.polynomial.chebyshev.chebval(z, problem.minimizer(data).numpy())
    np.testing.assert_allclose(fit, expected, rtol=0, atol=1e-9)
    assert abs(expected).max() > 7


def test_the_data_does_not_depend_on_the_fit(data_of):
    """Fits with different features or bases use the same samples, so their results are paired."""
    small, large = data_of(Runge(features=3)), data_of(Runge(features=9, basis="chebyshev"))
    assert torch.equal(small.z, large.z)
    assert torch.equal(small.y, large.y)
    assert torch.equal(small.test_y, large.test_y)


def test_the_test_loss_is_half_the_mean_square_on_the_test_set(data_of):
    """At θ = 0 the prediction is 0."""
    problem = Runge()
    data = data_of(problem)
    loss = problem.metrics["test-loss"](torch.zeros(10, dtype=torch.float64), data)
    torch.testing.assert_close(loss, 0.5 * data.test_y.square().mean())
    assert data.test_y.shape == (200,)


def test_the_default_start_is_zero(generator):
    """`start` is a number, or a list with the intercept first."""
    assert Runge(features=2).make_start(generator()).tolist() == [0, 0]
    assert Runge(features=2, start=(1.0, 2.0)).make_start(generator()).tolist() == [1, 2]


def test_steps_have_no_draws(generator):
    """The loss uses all samples, so the problem is deterministic."""
    assert Runge().make_draws(generator(), 3) is None
    assert Runge().full_price == 1.0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"features": 0}, "features is 0; must be at least 1"),
        ({"samples": 0}, "samples is 0; must be at least 1"),
        ({"observation_noise": -0.1}, "observation_noise is -0.1"),
        ({"features": 3, "start": (1.0, 2.0)}, "start has 2 coordinates; must have 3"),
    ],
)
def test_invalid_parameters_are_rejected(parameters, message):
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match=message):
        Runge(**parameters)


def test_success_is_a_gap_that_not_all_reach():
    """10^−1.5, the sixth of eight targets, a quarter of a decade apart."""
    assert Runge().success_target == Runge().targets[5] == pytest.approx(10**-1.5)
