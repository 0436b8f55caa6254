"""The base class of the network problems: predictions, initial weights, losses on mini-batches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector

from benchbed_problems.networks import uniform, unit_interval
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.shallow_network import ShallowNetwork
from benchbed_problems.triangles import Triangles

NETWORKS = {
    "polynomial": PolynomialNetwork(dimension=4, samples=300, hidden=(6, 5), batch_size=20),
    "linear": PolynomialNetwork(dimension=4, samples=300, hidden=(), batch_size=20),
    "shallow": ShallowNetwork(samples=300, batch_size=20),
    "triangles": Triangles(depth=3, samples=300, batch_size=20),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    """The problems with a network: deep, without hidden layers, wide, narrow."""
    return NETWORKS[request.param]


def points_at(network, count):
    """Draw points around the origin, the kink of ReLU."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, network.widths[0], generator=generator, dtype=torch.float64)


def assert_predicts_as_torch(problem, network):
    """Compare with modules whose parameters are blocks of θ; the order of sums may differ."""
    theta, x = parameters_to_vector(network.parameters()).detach(), points_at(problem, 7)
    expected = network(x).squeeze(-1).detach()
    torch.testing.assert_close(problem.predict(theta, x), expected, rtol=1e-13, atol=1e-13)


def test_the_prediction_equals_that_of_torch_modules(network, torch_network):
    """For networks of different widths."""
    assert_predicts_as_torch(network, torch_network(network, 5))


def test_the_prediction_equals_torch_with_every_activation(activation, torch_network):
    """With the activations of polynomial-network."""
    problem = replace(NETWORKS["polynomial"], activation=activation)
    assert_predicts_as_torch(problem, torch_network(problem, 5))


def test_the_blocks_are_the_parameters_of_torch_modules(network, torch_network):
    """Shapes and order agree."""
    expected = [tuple(parameter.shape) for parameter in torch_network(network, 0).parameters()]
    assert list(network.layout.blocks.values()) == expected


def test_the_initial_weights_equal_those_of_torch_linear(network, generator, torch_network):
    """Equal generators draw equal numbers; the bounds are computed in another order, hence 1e-15."""
    expected = parameters_to_vector(torch_network(network, 5).parameters()).detach()
    torch.testing.assert_close(network.make_start(generator(5)), expected, rtol=1e-15, atol=1e-16)


def test_the_loss_is_half_the_mean_square_over_the_batch(network, data_of, generator):
    """The gathered samples equal those of plain indexing."""
    data, theta = data_of(network), network.make_start(generator())
    index = network.make_draws(generator(), 1)[0]
    error = network.predict(theta, data.x[index]) - data.y[index, 0]
    torch.testing.assert_close(network.loss(theta, data, index), 0.5 * error.square().mean())


def test_batches_are_drawn_from_all_samples(network, generator):
    """Every index occurs, and none is out of range."""
    draws = network.make_draws(generator(), 200)
    assert draws.shape == (200, 20)
    assert draws.unique().tolist() == list(range(300))


def test_the_stochastic_loss_is_unbiased(network, data_of, generator):
    """The mean over 2 000 mini-batches is the objective, within four standard errors."""
    data, theta = data_of(network), network.make_start(generator())
    losses = network.loss(theta, data, network.make_draws(generator(), 2_000))
    error = 4 * losses.std().item() / 2_000**0.5
    assert losses.mean().item() == pytest.approx(network.objective(theta, data).item(), abs=error)


def test_a_zero_network_has_half_the_mean_square_as_test_loss(network, data_of):
    """Weights of 0 predict 0."""
    data, theta = data_of(network), torch.zeros(network.layout.dimension, dtype=torch.float64)
    torch.testing.assert_close(
        network.metrics["test-loss"](theta, data), 0.5 * data.test_y.square().mean(), rtol=1e-14, atol=0
    )


def test_a_full_gradient_costs_samples_over_batch_size(network):
    """300 samples / 20."""
    assert network.full_price == 15


def test_an_objective_keeps_four_numbers_for_each_hidden_unit_and_sample():
    """A network without hidden units counts as one with a single unit."""
    assert {name: network.workspace for name, network in NETWORKS.items()} == {
        "polynomial": 300 * 11 * 4,
        "linear": 300 * 4,
        "shallow": 300 * 30 * 4,
        "triangles": 300 * 6 * 4,
    }


def test_the_points_are_evenly_spaced_on_the_unit_interval():
    """Training and test points, with the function's values."""
    data = unit_interval(torch.exp, 200)
    for x, y, count in ((data.x, data.y, 200), (data.test_x, data.test_y, 1_001)):
        np.testing.assert_allclose(x.squeeze(-1), np.linspace(0, 1, count), rtol=1e-15)
        np.testing.assert_allclose(y.squeeze(-1), np.exp(np.linspace(0, 1, count)), rtol=1e-15)


def test_only_the_ends_are_training_and_test_points():
    """199 and 1 000 have no common divisor."""
    data = unit_interval(torch.exp, 200)
    assert data.test_x[torch.isin(data.test_x, data.x)].tolist() == [0, 1]


def test_uniform_numbers_fill_their_range(generator):
    """U(−3, 3): mean 0 and variance 3 over 100 000 numbers, within four standard errors."""
    numbers = uniform(generator(), 3, 100_000)
    assert numbers.abs().max() <= 3
    assert numbers.mean().item() == pytest.approx(0, abs=4 * (3 / 100_000) ** 0.5)
    assert numbers.var().item() == pytest.approx(3, abs=4 * 9 * (4 / 45 / 100_000) ** 0.5)


@pytest.mark.parametrize("kind", [PolynomialNetwork, ShallowNetwork, Triangles])
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"samples": 0}, "samples is 0; must be at least 1"),
        ({"batch_size": 0}, "batch_size is 0; must be at least 1"),
        ({"samples": 10, "batch_size": 11}, "batch_size is 11, but samples is 10; choose a smaller batch"),
    ],
)
def test_invalid_sizes_are_rejected(kind, parameters, message):
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match=message):
        kind(**parameters)
