"""triangles: the course's composed function, the network that equals it, parameter counts."""

import pytest
import torch

from benchbed_problems.triangles import Triangles, exact_parameters, triangles

EIGHTHS = torch.arange(9, dtype=torch.float64) / 8
WAVES = {
    1: [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0],
    2: [0, 0.5, 1, 0.5, 0, 0.5, 1, 0.5, 0],
    3: [0, 1, 0, 1, 0, 1, 0, 1, 0],
}


@pytest.mark.parametrize("depth", WAVES)
def test_the_function_is_the_courses_on_the_eighths(depth):
    """f₁ as printed in the course; f₂ and f₃ apply f₁ to these values again."""
    assert triangles(EIGHTHS, depth).tolist() == WAVES[depth]


@pytest.mark.parametrize("depth", WAVES)
def test_the_exact_network_equals_the_course_on_the_eighths(depth):
    """Without rounding."""
    prediction = Triangles(depth=depth).predict(exact_parameters(depth), EIGHTHS.unsqueeze(-1))
    assert prediction.tolist() == WAVES[depth]


@pytest.mark.parametrize(("depth", "parameters"), [(1, 7), (2, 13), (3, 19), (10, 61)])
def test_there_are_6k_plus_1_parameters(depth, parameters):
    """4 + (k − 1)·6 + 3."""
    assert Triangles(depth=depth).layout.dimension == parameters
    assert exact_parameters(depth).shape == (parameters,)


def test_the_exact_parameters_are_the_courses():
    """For two hidden layers."""
    views = Triangles(depth=2).layout.views(exact_parameters(2))
    assert {name: view.tolist() for name, view in views.items()} == {
        "weight1": [[1], [1]],
        "bias1": [0, -0.5],
        "weight2": [[2, -4], [2, -4]],
        "bias2": [0, -0.5],
        "weight3": [[2, -4]],
        "bias3": [0],
    }


@pytest.mark.parametrize("depth", [1, 2, 5, 9])
def test_the_exact_network_equals_the_function_to_the_last_bit(depth, generator):
    """At 10 000 random points: all factors are powers of two, and all sums are representable."""
    x = torch.rand(10_000, 1, generator=generator(), dtype=torch.float64)
    expected = triangles(x, depth).squeeze(-1)
    assert torch.equal(Triangles(depth=depth).predict(exact_parameters(depth), x), expected)


@pytest.mark.parametrize("depth", [1, 2, 3, 8])
def test_the_objective_is_exactly_zero_at_the_minimizer(depth, data_of, generator):
    """The loss on every mini-batch and the test loss are 0 too."""
    problem = Triangles(depth=depth)
    data, draws = data_of(problem), problem.make_draws(generator(), 100)
    minimizer = problem.minimizer(data)
    assert problem.objective(minimizer, data).item() == problem.optimum(data).item() == 0
    assert problem.loss(minimizer, data, draws).tolist() == [0] * 100
    assert problem.metrics["test-loss"](minimizer, data).item() == 0


def test_the_number_of_triangles_follows_from_the_depth():
    """f_k has 2^(k−1) triangles with slopes ±2^k, half of them rising."""
    x = torch.linspace(0, 1, 2**10 + 1, dtype=torch.float64)
    for depth in range(1, 6):
        slopes = triangles(x, depth).diff() * 2**10
        assert slopes.unique().tolist() == [-(2**depth), 2**depth]
        turns = (slopes.diff() != 0).sum().item()
        assert turns + 1 == 2**depth


def test_the_samples_are_the_function_on_the_unit_interval(data_of):
    """200 training points by default, and test points between them."""
    data = data_of(Triangles(depth=1))
    assert data.x.shape == (200, 1)
    torch.testing.assert_close(data.y, 1 - (2 * data.x - 1).abs(), rtol=0, atol=1e-15)
    torch.testing.assert_close(data.test_y, 1 - (2 * data.test_x - 1).abs(), rtol=0, atol=1e-15)


def test_there_are_other_solutions(data_of):
    """A permutation of units, and a unit's input scaled by 4 with its output by 1/4, are solutions too."""
    problem = Triangles(depth=1)
    data = data_of(problem)
    permuted = torch.tensor([1, 4, -0.5, 0, -4, 0.5, 0], dtype=torch.float64)
    assert problem.objective(permuted, data).item() == 0
    assert not torch.equal(permuted, problem.minimizer(data))


def test_double_precision_is_the_default():
    """The optimum is exact."""
    assert Triangles().dtype == "float64"
    assert not Triangles().optimum_is_bound


def test_a_network_without_hidden_layers_is_rejected():
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match="depth is 0; must be at least 1"):
        Triangles(depth=0)
