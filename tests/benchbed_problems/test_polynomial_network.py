"""polynomial-network: the course's polynomial, the metrics, the sizes."""

import numpy as np
import pytest
import torch

from benchbed_problems.polynomial_network import DATA_SEED, PolynomialNetwork


def test_the_defaults_have_1441_parameters():
    """10 → 32 → 32 → 1: 352 + 1 056 + 33, as in the course."""
    assert PolynomialNetwork().layout.dimension == 1_441


def test_the_values_are_means_of_the_polynomial(data_of):
    """f(x) = mean_i Π (x_i − r_k), against numpy's polynomial with these roots."""
    problem = PolynomialNetwork(samples=200)
    data = data_of(problem)
    roots = torch.randn(5, generator=torch.Generator().manual_seed(DATA_SEED), dtype=torch.float64)
    expected = np.polyval(np.poly(roots.numpy()), data.x.numpy()).mean(-1)
    np.testing.assert_allclose(data.y.squeeze(-1), expected, rtol=1e-12, atol=1e-13)


def test_the_points_fill_the_cube(data_of):
    """U(−1, 1): mean 0 and variance 1/3 over 100 000 × 10 numbers, within four standard errors."""
    x = data_of(PolynomialNetwork()).x
    assert x.shape == (100_000, 10)
    assert x.abs().max() <= 1
    assert x.mean().item() == pytest.approx(0, abs=4 * 0.58 / 1_000)
    assert x.var().item() == pytest.approx(1 / 3, abs=4 * 0.3 / 1_000)


def test_fewer_samples_are_a_prefix_of_the_same_data(data_of):
    """`samples=4096` truncates the course's data and keeps the test points."""
    short, long = data_of(PolynomialNetwork(samples=4_096)), data_of(PolynomialNetwork(samples=10_000))
    assert torch.equal(short.x, long.x[:4_096])
    assert torch.equal(short.test_y, long.test_y)


def test_the_test_points_are_not_among_the_samples(data_of):
    """The 1 024 test points are drawn separately."""
    data = data_of(PolynomialNetwork(samples=4_096))
    assert data.test_x.shape == (1_024, 10)
    assert not torch.isin(data.test_x, data.x).any()


def test_a_zero_network_has_a_diagonal_error_of_one(data_of):
    """Weights of 0 predict 0: the relative error is 1, and the test loss half the mean square."""
    problem = PolynomialNetwork(samples=200)
    data, theta = data_of(problem), torch.zeros(1_441, dtype=torch.float64)
    assert problem.metrics["diagonal-error"](theta, data).item() == pytest.approx(1, rel=1e-14)
    torch.testing.assert_close(
        problem.metrics["test-loss"](theta, data), 0.5 * data.test_y.square().mean(), rtol=1e-14, atol=0
    )


def test_the_diagonal_has_the_same_coordinate_everywhere(data_of):
    """x = (z, …, z) with f(x) = p(z), for z from −1 to 1."""
    data = data_of(PolynomialNetwork(samples=200))
    assert data.diagonal_x.shape == (201, 10)
    assert (data.diagonal_x == data.diagonal_x[:, :1]).all()
    assert (data.diagonal_x[0, 0], data.diagonal_x[-1, 0]) == (-1, 1)
    roots = torch.randn(5, generator=torch.Generator().manual_seed(DATA_SEED), dtype=torch.float64)
    expected = np.polyval(np.poly(roots.numpy()), data.diagonal_x[:, 0].numpy())
    np.testing.assert_allclose(data.diagonal_y.squeeze(-1), expected, rtol=1e-12, atol=1e-13)


def test_a_full_gradient_costs_samples_over_batch_size():
    """4 096 / 128 = 32 calls in the standard preset."""
    assert PolynomialNetwork(samples=4_096).full_price == 32


def test_single_precision_is_the_default():
    """As in the course; the engine converts."""
    assert PolynomialNetwork().dtype == "float32"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dimension": 0}, "dimension is 0"),
        ({"hidden": (32, 0)}, "widths must be at least 1"),
    ],
)
def test_invalid_parameters_are_rejected(parameters, message):
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match=message):
        PolynomialNetwork(**parameters)
