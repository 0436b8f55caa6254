"""triangles: the course's composed function, the network that is it, the counts."""

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
    """f₁ as the course prints it; f₂ and f₃ by putting these values into f₁ again."""
    assert triangles(EIGHTHS, depth).tolist() == WAVES[depth]


@pytest.mark.parametrize("depth", WAVES)
def test_the_exact_network_is_the_courses_on_the_eighths(depth):
    """Without rounding."""
    prediction = Triangles(depth=depth).predict(exact_parameters(depth), EIGHTHS.unsqueeze(-1))
    assert prediction.tolist() == WAVES[depth]


@pytest.mark.parametrize(("depth", "parameters"), [(1, 7), (2, 13), (3, 19), (10, 61)])
def test_there_are_6k_plus_1_parameters(depth, parameters):
    """4 + (k − 1)·6 + 3."""
    assert Triangles(depth=depth).layout.dimension == parameters
    assert exact_parameters(depth).shape == (parameters,)


def test_the_exact_parameters_are_those_the_course_sets():
    """Layer by layer, for two hidden ones."""
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
def test_between_them_the_network_is_the_function_to_the_last_bit(depth, generator):
    """At 10 000 random places: every product is by a power of two, and every sum is representable."""
    x = torch.rand(10_000, 1, generator=generator(), dtype=torch.float64)
    expected = triangles(x, depth).squeeze(-1)
    assert torch.equal(Triangles(depth=depth).predict(exact_parameters(depth), x), expected)


@pytest.mark.parametrize("depth", [1, 2, 3, 8])
def test_the_objective_is_exactly_zero_at_the_minimizer(depth, data_of, generator):
    """So is the loss on every batch, and the test loss."""
    problem = Triangles(depth=depth)
    data, draws = data_of(problem), problem.make_draws(generator(), 100)
    minimizer = problem.minimizer(data)
    assert problem.objective(minimizer, data).item() == problem.optimum(data).item() == 0
    assert problem.loss(minimizer, data, draws).tolist() == [0] * 100
    assert problem.metrics["test-loss"](minimizer, data).item() == 0


def test_the_wave_rises_and_falls_as_often_as_depth_says():
    """2^(k−1) triangles: half of its pieces of slope ±2^k rise."""
    x = torch.linspace(0, 1, 2**10 + 1, dtype=torch.float64)
    for depth in range(1, 6):
        slopes = triangles(x, depth).diff() * 2**10
        assert slopes.unique().tolist() == [-(2**depth), 2**depth]
        turns = (slopes.diff() != 0).sum().item()
        assert turns + 1 == 2**depth


def test_the_samples_are_the_function_on_the_unit_interval(data_of):
    """At 200 places unless said otherwise, and in between to test."""
    data = data_of(Triangles(depth=1))
    assert data.x.shape == (200, 1)
    torch.testing.assert_close(data.y, 1 - (2 * data.x - 1).abs(), rtol=0, atol=1e-15)
    torch.testing.assert_close(data.test_y, 1 - (2 * data.test_x - 1).abs(), rtol=0, atol=1e-15)


def test_there_are_other_solutions(data_of):
    """A unit's input scaled by 4, its output by 1/4, and its place exchanged: as good, and elsewhere."""
    problem = Triangles(depth=1)
    data = data_of(problem)
    other = torch.tensor([1, 4, -0.5, 0, -4, 0.5, 0], dtype=torch.float64)
    assert problem.objective(other, data).item() == 0
    assert not torch.equal(other, problem.minimizer(data))


def test_double_precision_is_the_default():
    """The optimum is exact."""
    assert Triangles().dtype == "float64"
    assert not Triangles().optimum_is_bound


def test_a_network_without_hidden_layers_is_refused():
    """With a way out."""
    with pytest.raises(ValueError, match="depth is 0; must be at least 1"):
        Triangles(depth=0)
