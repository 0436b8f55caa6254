"""linear_classifiers: derivatives and optimum of both classifiers, and their parameters."""

import pytest
import torch

from benchbed_problems.logistic_regression import LogisticRegression
from benchbed_problems.softmax_regression import SoftmaxRegression


class SmallSoftmax(SoftmaxRegression):
    """Softmax regression with three outputs, for a Hessian by automatic differentiation."""

    outputs = 3


@pytest.mark.parametrize("problem", [LogisticRegression(), SmallSoftmax()], ids=["logistic", "softmax"])
def test_the_hessian_is_that_of_automatic_differentiation(problem, points):
    """At a random point, on 20 random samples with the problem's number of features."""
    features = problem.layout.blocks["weight"][1]
    x = torch.randn(20, features, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = problem.make_labels(torch.arange(20) % max(problem.outputs, 2))
    theta = 0.1 * points(problem, 1)[0]
    derivatives = problem._derivatives(theta, x, labels)
    hessian = torch.func.jacrev(torch.func.grad(problem._penalized))(theta, x, labels)
    torch.testing.assert_close(derivatives.hessian, hessian, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("standardized", [True, False])
def test_the_optimum_is_certified(data_of, standardized):
    """The gradient has a norm of at most 10⁻¹² at the minimizer, on well and badly conditioned data."""
    pytest.importorskip("sklearn")
    problem = LogisticRegression(standardized=standardized)
    data = data_of(problem)
    gradient = torch.func.grad(problem.objective)(data.minimizer, data)
    assert gradient.norm() <= 1e-12
    start = torch.zeros_like(data.minimizer)
    hessian = problem._derivatives(start, data.x, data.labels).hessian
    condition = torch.linalg.cond(hessian).item()
    assert condition < 1e4 if standardized else condition > 1e8


def test_a_full_batch_has_no_draws(generator):
    """Its price is 1 and its targets reach 10⁻⁸; mini-batches of 32 of 464 samples cost a 14.5th."""
    full, stochastic = LogisticRegression(batch_size=None), LogisticRegression()
    assert (full.full_price, full.targets[-1], full.make_draws(generator(), 3)) == (1, 1e-8, None)
    assert (stochastic.full_price, stochastic.targets[-1]) == (14.5, 1e-4)
    assert stochastic.make_draws(generator(), 3).shape == (3, 32)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"penalty": 0.0}, r"penalty is 0\.0; must be a finite number above 0"),
        ({"batch_size": 465}, "batch_size is 465; must be between 1 and the 464 training samples, or None"),
    ],
)
def test_invalid_parameters_are_rejected(parameters, message):
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match=message):
        LogisticRegression(**parameters)
