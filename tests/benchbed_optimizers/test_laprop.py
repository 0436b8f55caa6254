"""The path of laprop."""

import torch

from benchbed_optimizers.laprop import laprop

SETTINGS = [
    {"learning_rate": 4e-4, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-15},
    {"learning_rate": 1e-3, "beta1": 0.5, "beta2": 0.99, "epsilon": 1e-3},
    {"learning_rate": 2e-3, "beta1": 0.0, "beta2": 0.9, "epsilon": 1e-2},
]


def follow_paper(losses, theta, setting):
    """Algorithm 1 of the paper, with powers of the decay rates: `[steps + 1, dimension]`."""
    rate, beta1, beta2, epsilon = setting.values()
    m = v = torch.zeros_like(theta)
    path = [theta]
    for t, loss in enumerate(losses, start=1):
        point = theta.clone().requires_grad_()
        (g,) = torch.autograd.grad(loss(point), point)
        v = beta2 * v + (1 - beta2) * g**2
        m = beta1 * m + (1 - beta1) * g / ((v / (1 - beta2**t)).sqrt() + epsilon)
        theta = theta - rate * m / (1 - beta1**t)
        path.append(theta)
    return torch.stack(path)


def test_the_path_equals_the_papers(assert_same_path):
    """The recursion of the paper, step by step."""
    assert_same_path(laprop, SETTINGS, follow_paper)
