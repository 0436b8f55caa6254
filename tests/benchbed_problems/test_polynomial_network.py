"""polynomial-network: the same network as torch's, on the course's polynomial."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector

from benchbed_problems.polynomial_network import DATA_SEED, PolynomialNetwork

MODULES = {
    "gelu-tanh": lambda: nn.GELU(approximate="tanh"),
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
}


def torch_network(problem, seed):
    """Build the network of torch.nn, its weights drawn from the global generator under a seed."""
    widths = [problem.dimension, *problem.hidden, 1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Linear(wide, narrow, dtype=torch.float64) for wide, narrow in pairwise(widths)]
    modules = [module for layer in layers for module in (layer, MODULES[problem.activation]())]
    return nn.Sequential(*modules[:-1])


def test_the_defaults_have_1441_parameters():
    """10 → 32 → 32 → 1, as the course counts: 352 + 1 056 + 33."""
    assert PolynomialNetwork().layout.dimension == 1_441


def test_the_first_weights_are_those_of_torch_linear(generator):
    """The same generator gives the same numbers; the bounds are computed in another order, hence 1e-15."""
    problem = PolynomialNetwork()
    expected = parameters_to_vector(torch_network(problem, 5).parameters()).detach()
    torch.testing.assert_close(problem.make_start(generator(5)), expected, rtol=1e-15, atol=1e-16)


@pytest.mark.parametrize("activation", MODULES)
def test_the_prediction_is_that_of_torch_modules(activation, generator):
    """θ is the vector of the modules' parameters, in their order."""
    problem = PolynomialNetwork(dimension=4, samples=10, hidden=(6, 5), activation=activation, batch_size=5)
    network = torch_network(problem, 5)
    theta = parameters_to_vector(network.parameters()).detach()
    x = torch.randn(7, 4, generator=generator(), dtype=torch.float64)
    expected = network(x).squeeze(-1).detach()
    torch.testing.assert_close(problem.predict(theta, x), expected, rtol=1e-13, atol=1e-13)


def test_the_values_are_the_mean_of_the_polynomial(data_of):
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


def test_fewer_samples_are_the_first_of_the_same_data(data_of):
    """`samples=4096` is the course's data cut short, with the same test points."""
    few, many = data_of(PolynomialNetwork(samples=4_096)), data_of(PolynomialNetwork(samples=10_000))
    assert torch.equal(few.x, many.x[:4_096])
    assert torch.equal(few.test_y, many.test_y)


def test_the_test_points_are_not_among_the_samples(data_of):
    """1 024 fresh ones."""
    data = data_of(PolynomialNetwork(samples=4_096))
    assert data.test_x.shape == (1_024, 10)
    assert not torch.isin(data.test_x, data.x).any()


def test_the_loss_is_half_the_mean_square_over_the_batch(data_of, generator):
    """Gathered rows, against indexing by hand."""
    problem = PolynomialNetwork(samples=300)
    data, theta = data_of(problem), problem.make_start(generator())
    index = problem.make_draws(generator(), 1)[0]
    error = problem.predict(theta, data.x[index]) - data.y[index, 0]
    torch.testing.assert_close(problem.loss(theta, data, index), 0.5 * error.square().mean())


def test_batches_are_drawn_from_all_samples(generator):
    """Each index is possible, none beyond."""
    problem = PolynomialNetwork(samples=50, batch_size=20)
    draws = problem.make_draws(generator(), 200)
    assert draws.shape == (200, 20)
    assert draws.unique().tolist() == list(range(50))


def test_batches_average_to_the_objective(data_of, generator):
    """The stochastic loss is unbiased: 2 000 batches of 64, within four standard errors of their mean."""
    problem = PolynomialNetwork(samples=500, batch_size=64)
    data, theta = data_of(problem), problem.make_start(generator())
    losses = problem.loss(theta, data, problem.make_draws(generator(), 2_000))
    error = 4 * losses.std().item() / 2_000**0.5
    assert losses.mean().item() == pytest.approx(problem.objective(theta, data).item(), abs=error)


def test_a_silent_network_misses_the_whole_diagonal(data_of):
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
    """32 calls in the standard preset."""
    assert PolynomialNetwork(samples=4_096).full_price == 32


def test_single_precision_is_the_default():
    """As in the course; the engine converts."""
    assert PolynomialNetwork().dtype == "float32"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dimension": 0}, "dimension is 0"),
        ({"samples": 0}, "samples is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"hidden": (32, 0)}, "give widths of at least 1"),
        ({"samples": 100}, "batch_size is 128, above samples, 100"),
    ],
)
def test_parameters_that_describe_no_network_are_refused(parameters, message):
    """Each with a way out."""
    with pytest.raises(ValueError, match=message):
        PolynomialNetwork(**parameters)
