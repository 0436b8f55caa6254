"""The path of adopt."""

import torch

from benchbed_optimizers.adopt import adopt

SETTINGS = [
    {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.9999, "epsilon": 1e-6},
    {"learning_rate": 5e-3, "beta1": 0.5, "beta2": 0.99, "epsilon": 1e-3},
    {"learning_rate": 2e-3, "beta1": 0.0, "beta2": 0.9, "epsilon": 1e-2},
]


def follow_paper(losses, theta, setting):
    """Algorithm 2 of the paper, whose first gradient g₀ only sets v: `[steps + 1, dimension]`."""
    rate, beta1, beta2, epsilon = setting.values()
    m, v, path = torch.zeros_like(theta), None, [theta]
    for t, loss in enumerate(losses):
        point = theta.clone().requires_grad_()
        (g,) = torch.autograd.grad(loss(point), point)
        if v is None:
            v = g**2
        else:
            m = beta1 * m + (1 - beta1) * (g / v.sqrt().clamp(min=epsilon)).clamp(-(t**0.25), t**0.25)
            theta = theta - rate * m
            v = beta2 * v + (1 - beta2) * g**2
        path.append(theta)
    return torch.stack(path)


def test_the_path_equals_the_papers(assert_same_path):
    """The recursion of the paper, step by step."""
    assert_same_path(adopt, SETTINGS, follow_paper)
