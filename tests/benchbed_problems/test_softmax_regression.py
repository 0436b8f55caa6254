"""softmax-regression: values, certified optimum and accuracy."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from benchbed_problems.softmax_regression import SoftmaxRegression

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def samples():
    """Return the data, whose minimizer takes seconds."""
    return SoftmaxRegression().shared_data()


def test_the_objective_is_that_of_torch(samples, points):
    """Cross entropy plus the penalty."""
    problem = SoftmaxRegression()
    theta = points(problem, 1)[0]
    logits = samples.x @ theta[:640].view(10, 64).mT + theta[640:]
    expected = cross_entropy(logits, samples.labels) + 0.0005 * theta.square().sum()
    torch.testing.assert_close(problem.objective(theta, samples), expected)


def test_the_optimum_is_certified_and_generalizes(samples):
    """A gradient of norm at most 10⁻¹²; at least 94 % of the test images are classified correctly."""
    problem = SoftmaxRegression()
    gradient = torch.func.grad(problem.objective)(samples.minimizer, samples)
    assert gradient.norm() <= 1e-12
    assert problem.metrics["test-accuracy"](samples.minimizer, samples) >= 0.94
