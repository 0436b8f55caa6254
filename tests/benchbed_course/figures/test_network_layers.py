"""The figure of the layers: parameters as torch counts them, a line for each weight."""

import itertools

import pytest
import torch

from benchbed_course.figures.network_layers import draw_layers, measure, unit_positions

pytestmark = pytest.mark.slow


def test_the_parameters_are_those_of_torchs_network():
    """352, 1 056 and 33, as the document prints them."""
    measured, widths = measure(), (10, 32, 32, 1)
    layers = [torch.nn.Linear(*pair) for pair in itertools.pairwise(widths)]
    assert measured["widths"] == [*widths]
    assert measured["weights"] == [layer.weight.numel() for layer in layers]
    assert measured["biases"] == [layer.bias.numel() for layer in layers]
    sums = [sum(pair) for pair in zip(measured["weights"], measured["biases"], strict=True)]
    assert sums == [352, 1_056, 33]


def test_the_caption_lists_the_layers(drawn):
    """With their products, the sum, and the share of the largest."""
    caption = drawn(draw_layers, measure())[1].caption
    for expected in (
        "The network 10 → 32 → 32 → 1 with gelu-tanh between the layers",
        "layer 1, 10 → 32: 10·32 + 32 = 352; layer 2, 32 → 32: 32·32 + 32 = 1,056; layer 3, 32 → 1: 32·1 + 1 = 33",
        "in all 1,441. Layer 2 has 73% of them.",
    ):
        assert expected in caption


def test_every_unit_and_every_weight_is_drawn(drawn):
    """75 units in four columns, 1 376 lines; the texts name the layers and add the parameters."""
    figure, picture = drawn(draw_layers, measure())
    (axes,) = figure.axes
    assert [len(line.get_xdata()) for line in axes.get_lines()] == [10, 32, 32, 1]
    assert [len(lines.get_segments()) for lines in axes.collections] == [320, 1024, 32]
    texts = [text.get_text() for text in axes.texts]
    assert texts[:4] == ["10 inputs", "32 units, gelu-tanh", "32 units, gelu-tanh", "1 output"]
    assert texts[4:] == [
        "320 weights\n+ 32 biases\n= 352", "1,024 weights\n+ 32 biases\n= 1,056", "32 weights\n+ 1 bias\n= 33"
    ]  # fmt: skip
    assert set(picture.files) == {"png", "svg"}


def test_units_are_centred():
    """An odd layer has a unit in the middle, and the widest fills the height."""
    assert unit_positions(1, 32, 3.0).tolist() == [[3.0, 0.5]]
    heights = unit_positions(4, 4, 0.0)[:, 1]
    assert heights.tolist() == [0.125, 0.375, 0.625, 0.875]
