"""The problems of the paths of wrapped optimizers: fewer, because the rules in them are compared on all."""

import pytest


@pytest.fixture(params=["quadratic", "quartic", "runge", pytest.param("network", marks=pytest.mark.slow)])
def problem(request, problems):
    """Without noise, with noise, with mini-batches, and a network with them."""
    return problems[request.param]
