"""The path of nesterov, with an average of gradients."""

import numpy as np
import torch

from benchbed_optimizers.nesterov import nesterov

SETTINGS = [
    {"learning_rate": 1e-2, "beta": 0.9},
    {"learning_rate": 1e-3, "beta": 0.5},
    {"learning_rate": 1e-4, "beta": 0.99},
]


def test_the_path_equals_torch_with_a_smaller_learning_rate(assert_same_path_as_torch):
    """A sum of gradients with η(1−β) equals an average with η."""
    assert_same_path_as_torch(
        nesterov,
        SETTINGS,
        lambda parameters, setting: torch.optim.SGD(
            parameters,
            lr=setting["learning_rate"] * (1 - setting["beta"]),
            momentum=setting["beta"],
            nesterov=True,
        ),
    )


def test_the_path_equals_nesterovs_two_sequences(quadratic_path):
    """With θ = φ + βw, w the last step of φ, the update is φ ← θ − η(1−β) ∇L(θ)."""
    rate, beta, steps = 0.02, 0.8, 100
    eigenvalues = np.array([1.0, 100.0])
    base, velocity, expected = np.array([2.0, 2.0]), np.zeros(2), []
    for _ in range(steps + 1):
        ahead = base + beta * velocity
        expected.append(ahead)
        velocity = beta * velocity - rate * (1 - beta) * eigenvalues * ahead
        base = base + velocity
    path = quadratic_path(nesterov(learning_rate=rate, beta=beta), steps).numpy()
    np.testing.assert_allclose(path, expected, rtol=0, atol=1e-12)
