"""The path of adam."""

import numpy as np
import torch

from benchbed_optimizers.adam import adam

SETTINGS = [
    {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
    {"learning_rate": 5e-3, "beta1": 0.5, "beta2": 0.99, "epsilon": 1e-3},
    {"learning_rate": 1e-3, "beta1": 0.0, "beta2": 0.9999, "epsilon": 1e-2},
]


def test_the_path_equals_torch(assert_same_path_as_torch):
    """`torch.optim.Adam` divides √v by √(1 − β₂ᵗ), which is equivalent."""
    assert_same_path_as_torch(
        adam,
        SETTINGS,
        lambda parameters, setting: torch.optim.Adam(
            parameters,
            lr=setting["learning_rate"],
            betas=(setting["beta1"], setting["beta2"]),
            eps=setting["epsilon"],
        ),
    )


def test_the_path_follows_the_paper(quadratic_path):
    """Algorithm 1 of the paper in numpy."""
    rate, beta1, beta2, epsilon = 0.05, 0.9, 0.999, 1e-8
    theta, first, second, expected = np.array([2.0, 2.0]), 0.0, 0.0, [np.array([2.0, 2.0])]
    for t in range(1, 101):
        gradient = np.array([1.0, 100.0]) * theta
        first = beta1 * first + (1 - beta1) * gradient
        second = beta2 * second + (1 - beta2) * gradient**2
        theta = theta - rate * (first / (1 - beta1**t)) / (np.sqrt(second / (1 - beta2**t)) + epsilon)
        expected.append(theta)
    path = quadratic_path(adam(rate, beta1, beta2, epsilon), 100).numpy()
    np.testing.assert_allclose(path, expected, rtol=0, atol=1e-12)


def test_the_first_step_has_the_length_of_the_learning_rate(quadratic_path):
    """The bias corrections make m̂/√v̂ = g/|g| at the first step, for gradients of any size."""
    path = quadratic_path(adam(learning_rate=0.25, epsilon=0.0), 1)
    torch.testing.assert_close(path[1], torch.full((2,), 1.75, dtype=torch.float64), rtol=1e-14, atol=0)
