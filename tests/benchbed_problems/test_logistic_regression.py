"""logistic-regression: values and accuracy."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from benchbed_problems.logistic_regression import LogisticRegression


def test_the_objective_is_that_of_torch(data_of, points):
    """Binary cross entropy with logits plus the penalty."""
    pytest.importorskip("sklearn")
    problem = LogisticRegression()
    data, theta = data_of(problem), points(problem, 1)[0]
    logits = data.x @ theta[:30] + theta[30]
    loss = binary_cross_entropy_with_logits(logits, (data.labels.squeeze(-1) + 1) / 2)
    torch.testing.assert_close(problem.objective(theta, data), loss + 0.0005 * theta.square().sum())


def test_the_minimizer_generalizes(data_of):
    """At least 95 % of the test samples are classified correctly."""
    pytest.importorskip("sklearn")
    data = data_of(LogisticRegression())
    assert LogisticRegression().metrics["test-accuracy"](data.minimizer, data) >= 0.95
