"""imbalanced-softmax: groups of classes, cross entropy, and losses of frequent and rare classes."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from benchbed_problems.imbalanced_softmax import ImbalancedSoftmax


def test_the_sizes_are_those_of_the_formula():
    """(m + 1) 2^m features and 2^m − 1 classes."""
    assert (ImbalancedSoftmax(groups=4).features, ImbalancedSoftmax(groups=4).classes) == (80, 15)
    assert ImbalancedSoftmax(groups=4).layout.dimension == 80 * 15


def test_each_group_has_equally_many_samples(data_of):
    """For m = 3: one class of 8 samples, two of 4, four of 2."""
    labels = data_of(ImbalancedSoftmax(groups=3, label_noise=0.0)).labels
    assert labels.sum(0).tolist() == [8, 4, 4, 2, 2, 2, 2]
    assert (labels.sum(1) == 1).all()


def test_the_objective_is_the_cross_entropy_of_torch(data_of, points):
    """At random weights; the two metrics are that of the first and the last 8 samples."""
    problem = ImbalancedSoftmax(groups=3)
    data, theta = data_of(problem), points(problem, 1)[0]
    losses = cross_entropy(data.x @ theta.view(7, 32).mT, data.labels, reduction="none")
    torch.testing.assert_close(problem.objective(theta, data), losses.mean())
    torch.testing.assert_close(problem.metrics["frequent-loss"](theta, data), losses[:8].mean())
    torch.testing.assert_close(problem.metrics["rare-loss"](theta, data), losses[-8:].mean())


def test_a_separating_map_approaches_the_optimum(data_of):
    """With more features than samples, least squares reproduces the labels; enlarged, its loss tends to 0."""
    problem = ImbalancedSoftmax(groups=3, label_noise=0.0)
    data = data_of(problem)
    weight = torch.linalg.lstsq(data.x, data.labels, driver="gelsd").solution.mT
    assert problem.objective(40 * weight.flatten(), data) < 1e-12


def test_gradient_descent_neglects_rare_classes_and_sign_descent_does_not(data_of):
    """Once the excess loss of the frequent class is a fifth of that at the start, with small rates."""
    problem = ImbalancedSoftmax()
    rules = (lambda gradient: 0.1 * gradient, lambda gradient: 1e-3 * gradient.sign())
    ratios = []
    for seed in range(10):
        data = data_of(problem, seed)
        optimum, start = problem.optimum(data), problem.make_start(None)
        goal = optimum + (problem.objective(start, data) - optimum) / 5
        excesses = []
        for direction_of in rules:
            theta = start
            for _ in range(500):
                if problem.metrics["frequent-loss"](theta, data) <= goal:
                    break
                gradient = torch.func.grad(problem.objective)(theta, data)
                theta = theta - direction_of(gradient)
            assert problem.metrics["frequent-loss"](theta, data) <= goal
            excesses.append((problem.metrics["rare-loss"](theta, data) - optimum).item())
        ratios.append(excesses[0] / excesses[1])
    assert min(ratios) > 1.5
    assert sum(ratios) / len(ratios) > 2


def test_one_group_is_rejected():
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match="groups is 1; must be between 2 and 12"):
        ImbalancedSoftmax(groups=1)
