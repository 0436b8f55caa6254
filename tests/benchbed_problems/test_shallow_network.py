"""shallow-network: the course's formula, targets, breakpoints."""

import math

import numpy as np
import pytest
import torch

from benchbed_problems.shallow_network import ShallowNetwork

FORMULAS = {
    "relu": lambda x: max(0.0, x),
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "tanh": lambda x: (1 - math.exp(-2 * x)) / (1 + math.exp(-2 * x)),
    "silu": lambda x: x / (1 + math.exp(-x)),
}
POINTS = torch.linspace(-2, 3, 401, dtype=torch.float64)


def parameters_of(w, b, v, c):
    """Concatenate the parameters to θ."""
    return torch.tensor([*w, *b, *v, c], dtype=torch.float64)


@pytest.fixture
def thetas(points):
    """Networks of 30 units, `[2, 3, 91]`, with slopes of both signs."""
    return points(ShallowNetwork(), 6).unflatten(0, (2, 3))


@pytest.mark.parametrize(("hidden", "parameters"), [(15, 46), (30, 91), (100, 301)])
def test_a_unit_has_three_parameters(hidden, parameters):
    """Each unit has w, b and v; all share c."""
    assert ShallowNetwork(hidden=hidden).layout.dimension == parameters


@pytest.mark.parametrize("activation", FORMULAS)
def test_the_network_is_the_courses_formula(activation, thetas):
    """Σ v σ(w x + b) + c, summed over the units."""
    problem, theta = ShallowNetwork(activation=activation), thetas[0, 0]
    w, b, v = theta[:90].unflatten(0, (3, 30)).tolist()
    sigma, c = FORMULAS[activation], theta[90].item()
    expected = [
        sum(v[j] * sigma(w[j] * x + b[j]) for j in range(30)) + c for x in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    x = torch.tensor([[0.0], [0.25], [0.5], [0.75], [1.0]], dtype=torch.float64)
    np.testing.assert_allclose(problem.predict(theta, x), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("activation", FORMULAS)
def test_the_activation_is_torchs(activation, thetas, torch_network):
    """torch.nn.Sequential with the same weights predicts the same."""
    problem = ShallowNetwork(activation=activation)
    network = torch_network(problem, 0)
    torch.nn.utils.vector_to_parameters(thetas[0, 0], network.parameters())
    x = POINTS.unsqueeze(-1)
    expected = network(x).squeeze(-1).detach()
    torch.testing.assert_close(problem.predict(thetas[0, 0], x), expected, rtol=1e-13, atol=1e-13)


def test_the_target_is_runges_function_on_the_unit_interval(data_of):
    """1/(1 + 25z²) at 200 evenly spaced z = 2x − 1; 1/26 at both ends."""
    data = data_of(ShallowNetwork())
    np.testing.assert_allclose(
        data.y.squeeze(-1), 1 / (1 + 25 * np.linspace(-1, 1, 200) ** 2), rtol=0, atol=1e-14
    )
    assert data.y[[0, -1], 0].tolist() == [1 / 26, 1 / 26]
    assert data.test_y.max() == 1


def test_the_chirp_oscillates_twice(data_of):
    """sin(4πx²): three changes of sign inside, at x² = 1/4, 1/2, 3/4."""
    data = data_of(ShallowNetwork(target="chirp"))
    np.testing.assert_allclose(
        data.y.squeeze(-1), np.sin(4 * np.pi * np.linspace(0, 1, 200) ** 2), atol=1e-13
    )
    # Without the ends, where it is 0 up to rounding.
    x, y = data.test_x[1:-1, 0], data.test_y[1:-1, 0]
    turns = x[:-1][y.sign().diff() != 0]
    np.testing.assert_allclose(turns, np.sqrt(np.arange(1, 4) / 4), atol=1e-3)


def test_a_breakpoint_is_where_a_units_input_is_zero(thetas):
    """−b/w for each unit of each lane, with every activation."""
    for activation in FORMULAS:
        problem = ShallowNetwork(activation=activation)
        views, breakpoints = problem.layout.views(thetas), problem.breakpoints(thetas)
        assert breakpoints.shape == (2, 3, 30)
        inputs = views["weight1"].squeeze(-1) * breakpoints + views["bias1"]
        torch.testing.assert_close(inputs, torch.zeros_like(inputs), rtol=0, atol=1e-15)


def test_the_sum_of_weighted_kinks_equals_the_network(thetas):
    """In every lane, inside and outside [0, 1]; a distant breakpoint costs its distance times 1e-16."""
    problem = ShallowNetwork()
    assert (thetas[..., :30] < 0).any()
    kinks = problem.kinks(thetas)
    assert [component.shape for component in kinks] == [(2, 3, 30), (2, 3, 30), (2, 3), (2, 3)]
    torch.testing.assert_close(
        kinks.at(POINTS), problem.predict(thetas, POINTS.unsqueeze(-1)), rtol=1e-12, atol=1e-12
    )


def test_a_kinks_weight_is_the_change_of_slope(thetas):
    """Measured with lines through two points of the network on either side of each breakpoint."""
    problem, theta = ShallowNetwork(), thetas[1, 2]
    kinks = problem.kinks(theta)
    # No other breakpoint lies within two steps on either side.
    step = 0.25 * kinks.breakpoints.sort().values.diff().min()
    around = kinks.breakpoints.unsqueeze(-1) + step * torch.tensor([-2, -1, 1, 2])
    values = problem.predict(theta, around.reshape(-1, 1)).reshape(30, 4)
    slopes = (values[:, [1, 3]] - values[:, [0, 2]]) / step
    # The rounding error of the values is divided by the step.
    rounding = 1e-14 * (values.abs().max() / step).item()
    assert rounding < 1e-9
    torch.testing.assert_close(slopes[:, 1] - slopes[:, 0], kinks.weights, rtol=0, atol=rounding)


def test_on_the_unit_interval_the_slope_is_a_kink_at_zero():
    """A unit with w < 0, σ(½ − x), is ½ − x + max(0, x − ½): the course's form with x̂₀ = 0."""
    problem = ShallowNetwork(hidden=1)
    kinks = problem.kinks(parameters_of(w=[-1], b=[0.5], v=[3], c=2))
    assert (kinks.breakpoints.item(), kinks.weights.item()) == (0.5, 3)
    assert (kinks.slope.item(), kinks.intercept.item()) == (-3, 3.5)


def test_units_with_slope_one_are_kinks():
    """w = 1 is the course's reparametrization, with x̂ = −b, no line and the intercept c."""
    problem = ShallowNetwork(hidden=3)
    kinks = problem.kinks(parameters_of(w=[1, 1, 1], b=[0, -0.25, -0.5], v=[2, -4, 1], c=7))
    assert [component.tolist() for component in kinks] == [[0, 0.25, 0.5], [2, -4, 1], 0, 7]


def test_units_without_slope_are_constants():
    """A unit with w = 0 adds σ(b) to the intercept, and no NaN appears."""
    problem = ShallowNetwork(hidden=4)
    theta = parameters_of(w=[0, 0, 0, 1], b=[0.5, -0.5, 0, -0.5], v=[3, 5, 7, 2], c=1)
    assert not problem.breakpoints(theta)[:3].isfinite().any()
    kinks = problem.kinks(theta)
    assert (kinks.slope.item(), kinks.intercept.item()) == (0, 2.5)
    assert torch.equal(kinks.at(POINTS), problem.predict(theta, POINTS.unsqueeze(-1)))


@pytest.mark.parametrize("activation", ["gelu", "tanh", "silu"])
def test_only_relu_has_kinks(activation, thetas):
    """The other activations are smooth."""
    with pytest.raises(ValueError, match=f"activation is {activation}; must be relu"):
        ShallowNetwork(activation=activation).kinks(thetas)


def test_single_precision_is_the_default():
    """As in the course; the engine converts."""
    assert ShallowNetwork().dtype == "float32"
    assert ShallowNetwork().optimum_is_bound


def test_a_network_without_units_is_rejected():
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match="hidden is 0; must be at least 1"):
        ShallowNetwork(hidden=0)
