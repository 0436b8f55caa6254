"""associative-memory: cross entropy, accuracy, and the lead of updates with equal singular values on rare facts."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from benchbed_problems.associative_memory import AssociativeMemory


def test_the_objective_is_the_expected_cross_entropy(data_of, points):
    """Fact by fact with torch's cross entropy."""
    problem = AssociativeMemory(facts=5)
    data, theta = data_of(problem), points(problem, 1)[0]
    weight = theta.view(5, 5)
    losses = [
        cross_entropy(data.values @ (weight @ key), labels)
        for key, labels in zip(data.keys, data.labels, strict=True)
    ]
    torch.testing.assert_close(problem.objective(theta, data), data.frequency @ torch.stack(losses))


def test_the_true_map_approaches_the_optimum(data_of):
    """Σ value keyᵀ, enlarged, has a loss near 0 on all facts."""
    problem = AssociativeMemory(facts=5, label_noise=0.0)
    data = data_of(problem)
    truth = (data.values.mT @ data.keys).flatten()
    assert problem.objective(40 * truth, data) < 1e-15
    assert problem.metrics["rare-loss"](40 * truth, data) < 1e-15


def rare_loss(problem, data, direction_of):
    """Return the excess loss of rare facts once that of all facts is a tenth of the start's."""
    theta, optimum = problem.make_start(None), problem.optimum(data)
    goal = optimum + (problem.objective(theta, data) - optimum) / 10
    while True:
        theta.requires_grad_()
        loss = problem.objective(theta, data)
        if loss < goal:
            return (problem.metrics["rare-loss"](theta, data) - optimum).item()
        gradient = torch.autograd.grad(loss, theta)[0].view(problem.facts, problem.facts)
        theta = theta.detach() - direction_of(gradient).flatten()


def test_orthogonal_updates_learn_rare_facts_with_the_frequent_ones(data_of):
    """At equal total loss, rare facts have a multiple of the loss under gradient and sign descent."""
    problem = AssociativeMemory()
    data = data_of(problem)

    def orthogonal(gradient):
        left, _, right = torch.linalg.svd(gradient)
        return 0.1 * left @ right

    equal = rare_loss(problem, data, orthogonal)
    assert rare_loss(problem, data, lambda gradient: 10 * gradient) > 3 * equal
    assert rare_loss(problem, data, lambda gradient: 0.02 * gradient.sign()) > 2 * equal


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"facts": 1}, "facts is 1; must be at least 2"),
        ({"exponent": -1.0}, r"exponent is -1\.0; must be a finite number of at least 0"),
    ],
)
def test_invalid_parameters_are_rejected(parameters, message):
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match=message):
        AssociativeMemory(**parameters)
