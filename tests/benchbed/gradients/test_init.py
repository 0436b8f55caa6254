"""The built-in gradients, and what each of them costs."""

import pytest

import benchbed.gradients
from benchbed.gradients import finite_difference, forward, forward_random, reverse


def test_all_are_registered_the_usual_one_first():
    """`benchbed list gradients` keeps the order."""
    registered = []
    benchbed.gradients.register_gradients(registered.append)
    assert registered == [reverse, forward, forward_random, finite_difference]


@pytest.mark.parametrize("dimension", [1, 2, 10, 1441])
def test_prices_follow_the_protocol(dimension):
    """Rule 1: a call is a loss with its gradient, a loss alone 1/3 of it, a Jacobian-vector product 2/3."""
    loss, product = 1 / 3, 2 / 3
    assert reverse.price(dimension) == 1
    assert forward.price(dimension) == pytest.approx(dimension * product)
    assert forward_random.price(dimension) == pytest.approx(product)
    assert finite_difference.price(dimension) == pytest.approx((2 * dimension + 1) * loss)


def test_only_the_random_one_draws():
    """The others give the same whatever the seed."""
    gradients = (reverse, forward, forward_random, finite_difference)
    assert [gradient for gradient in gradients if gradient.make_draws] == [forward_random]
