"""Deep and shallow networks of the same triangles: built, counted and compared."""

import itertools

import pytest
import torch

from benchbed_course.figures.triangle_counts import (
    DEEP,
    SHALLOW,
    draw_counts,
    linear_pieces,
    measure,
    shallow_parameters,
)
from benchbed_problems.shallow_network import ShallowNetwork
from benchbed_problems.triangles import triangles

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def measured():
    return measure()


def torch_parameters(*widths):
    """Count the parameters of a network that torch builds."""
    layers = [torch.nn.Linear(*pair) for pair in itertools.pairwise(widths)]
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters())


def test_the_counts_are_those_of_torchs_networks_and_of_the_formulas(measured):
    """6k + 1 against 3·2^k + 1, for k from 1 to 10."""
    assert [network["depth"] for network in measured] == [*range(1, 11)]
    for network in measured:
        k = network["depth"]
        assert network["parameters"] == {DEEP: 6 * k + 1, SHALLOW: 3 * 2**k + 1}
        assert network["parameters"][DEEP] == torch_parameters(1, *k * [2], 1)
        assert network["parameters"][SHALLOW] == torch_parameters(1, 2**k, 1)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_shallow_network_equals_the_composition(depth):
    """On random points to rounding, which its large weights amplify; on the kinks to the last bit."""
    problem, theta = ShallowNetwork(hidden=2**depth), shallow_parameters(depth)
    assert theta.numel() == problem.layout.dimension
    x = torch.rand(1000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(problem.predict(theta, x[:, None]), triangles(x, depth), rtol=0, atol=1e-11)
    kinks = torch.arange(2**depth + 1, dtype=torch.float64) / 2**depth
    assert torch.equal(problem.predict(theta, kinks[:, None]), triangles(kinks, depth))


def test_every_layer_doubles_the_pieces(measured):
    """Counted from the values: 2^k, in both networks, which agree to the last bit."""
    for network in measured:
        assert network["pieces"] == {DEEP: 2 ** network["depth"], SHALLOW: 2 ** network["depth"]}
        assert network["difference"] == 0
    assert linear_pieces(torch.tensor([2.0, 1.0, 0.0, 1.0, 2.0])) == 2
    assert linear_pieces(torch.tensor([0.0, 1.0, 2.0])) == 1


def test_the_caption_has_the_counts(measured, drawn):
    """Equal for k = 1 and 2; a count or a value that is off is reported."""
    caption = drawn(draw_counts, measured)[1].caption
    for expected in (
        "k = 1: 7 and 7, k = 2: 13 and 13, k = 3: 19 and 25",
        "k = 10: 61 and 3,073. 20 of 20 counts agree",
        "For k = 1 and 2 the counts are equal, from k = 3 on depth is cheaper",
        "are equal to the last bit, with 2 linear pieces at k = 1 and 1,024 at k = 10",
    ):
        assert expected in caption
    wrong = [*measured[:-1], measured[-1] | {"parameters": {DEEP: 61, SHALLOW: 3000}, "difference": 0.25}]
    caption = drawn(draw_counts, wrong)[1].caption
    assert "19 of 20 counts agree" in caption
    assert "differ by at most 0.25" in caption


def test_counts_and_pieces_are_drawn(measured, drawn):
    """Parameters by k with both formulas, and pieces by parameters."""
    figure, _ = drawn(draw_counts, measured)
    counts, pieces = figure.axes
    deep, formula, shallow, _ = counts.get_lines()
    assert list(deep.get_ydata()) == list(formula.get_ydata()) == [6 * k + 1 for k in range(1, 11)]
    assert list(pieces.get_lines()[1].get_xdata()) == list(shallow.get_ydata())
