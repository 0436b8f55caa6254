"""Registration and prices of the built-in gradients."""

import pytest

import benchbed.gradients
from benchbed.gradients import finite_difference, forward, forward_random, reverse


def test_the_default_is_registered_first():
    """`benchbed list gradients` keeps the order."""
    registered = []
    benchbed.gradients.register_gradients(registered.append)
    assert registered == [reverse, forward, forward_random, finite_difference]


@pytest.mark.parametrize("dimension", [1, 2, 10, 1441])
def test_prices_follow_the_protocol(dimension):
    """Rule 1: a loss with its gradient costs 1 call, a loss 1/3, a Jacobian-vector product 2/3."""
    loss, product = 1 / 3, 2 / 3
    assert reverse.price(dimension) == 1
    assert forward.price(dimension) == pytest.approx(dimension * product)
    assert forward_random.price(dimension) == pytest.approx(product)
    assert finite_difference.price(dimension) == pytest.approx((2 * dimension + 1) * loss)


def test_only_forward_random_draws():
    """The other gradients are deterministic."""
    gradients = (reverse, forward, forward_random, finite_difference)
    assert [gradient for gradient in gradients if gradient.make_draws] == [forward_random]
