"""The prices of gradients: accuracy against reverse mode, and a caption from synthetic costs."""

import math

import pytest
import torch

from benchbed_course.figures import gradient_prices
from benchbed_course.figures.gradient_prices import CHECKED_DIMENSION, NAMES, draw_prices, errors, gradients

pytestmark = pytest.mark.slow


def test_the_exact_gradients_agree_and_the_random_one_errs_as_in_theory():
    """E‖(g · v) v − g‖² = (d + 1) ‖g‖²; over 10 000 draws the root is within 5 %, three standard errors."""
    torch.manual_seed(0)
    distances = errors()
    assert distances["reverse"] == 0
    assert max(distances["forward"], distances["dual"]) <= 1e-14
    assert distances["finite-difference"] <= 1e-8
    assert distances["forward-random"] == pytest.approx(math.sqrt(CHECKED_DIMENSION + 1), rel=0.05)


def measurement():
    """Build costs that do not depend on the dimension."""
    cost = {"reverse": 1.0, "forward": 8.0, "forward-random": 4.0, "finite-difference": 6.0, "dual": 2.0}
    costs = {
        lanes: {name: {"sizes": [1, 300], "seconds": [1e-4 * cost[name]] * 2} for name in NAMES}
        for lanes in ("1", "30")
    }
    return {"costs": costs, "errors": dict.fromkeys(NAMES, 0.125)}


def test_the_prices_in_the_caption_are_those_of_the_gradients(monkeypatch):
    """Also of gradients with other prices than those that are registered."""
    caption = draw_prices(measurement()).caption
    listed = (
        "1 for reverse, 0.667 to 200 for forward, 0.667 for forward-random, 1 to 200 for finite-difference"
    )
    assert f"{listed}, 0.667 to 200 for dual in 1 to 300 dimensions." in caption
    assert "The price of reverse and forward-random does not grow with the dimension." in caption
    prices = {
        name: gradient._replace(price=lambda dimension: 5 + dimension)
        for name, gradient in gradients().items()
    }
    monkeypatch.setattr(gradient_prices, "gradients", lambda: prices)
    caption = draw_prices(measurement()).caption
    assert "6 to 305 for reverse, 6 to 305 for forward" in caption
    assert "does not grow" not in caption


def test_costs_are_drawn_with_prices(drawn):
    """Solid: the cost in gradients by reverse mode; dashed: the price, in dashes of different phase."""
    measured = measurement()
    costs = measured["costs"]
    figure, picture = drawn(draw_prices, measured)
    for axes in figure.axes:
        lines = axes.get_lines()
        solid, dashed = lines[::2], lines[1::2]
        assert [line.get_label() for line in solid] == [*NAMES]
        assert [line.get_ydata()[1] for line in solid] == pytest.approx([1, 8, 4, 6, 2])
        assert [line.get_ydata()[1] for line in dashed] == pytest.approx([1, 200, 2 / 3, 601 / 3, 200])
        assert len({line._dash_pattern[0] for line in dashed}) == len(NAMES)
    assert "itself takes 100 µs in 1 and 100 µs in 300 dimensions" in picture.caption
    expected = (
        "forward 8 (price 200), forward-random 4 (price 0.667), finite-difference 6 (price 200),"
        " dual 2 (price 200)"
    )
    assert f"In 300 dimensions with one trial: {expected}." in picture.caption
    assert f"In 300 dimensions with 30 trials: {expected}." in picture.caption
    assert "its distance is 0.125, where theory expects √11 = 3.32" in picture.caption
    assert (
        "300 products in batches of up to 64 cost 2 times as much as one: the price counts work"
        in picture.caption
    )
    costs["1"]["forward"]["seconds"] = [1e-4, 0.12]
    _, picture = drawn(draw_prices, measured)
    assert "cost 300 times as much as one. A single product" in picture.caption
