"""The path of momentum, with an average of gradients."""

import math

import numpy as np
import torch

from benchbed_optimizers.momentum import momentum

SETTINGS = [
    {"learning_rate": 1e-2, "beta": 0.9},
    {"learning_rate": 1e-3, "beta": 0.5},
    {"learning_rate": 1e-4, "beta": 0.0},
]


def test_the_path_equals_torch_with_a_smaller_learning_rate(assert_same_path_as_torch):
    """A sum of gradients with η(1−β) equals an average with η."""
    assert_same_path_as_torch(
        momentum,
        SETTINGS,
        lambda parameters, setting: torch.optim.SGD(
            parameters, lr=setting["learning_rate"] * (1 - setting["beta"]), momentum=setting["beta"]
        ),
    )


def test_the_path_on_a_quadratic_is_a_matrix_power(quadratic_path):
    """(θ, m) is multiplied by [[1 − η(1−β)λ, −ηβ], [(1−β)λ, β]] at each step; η and β of the course."""
    rate, beta = 4 / (math.sqrt(100) + 1) ** 2, ((math.sqrt(100) - 1) / (math.sqrt(100) + 1)) ** 2
    path = quadratic_path(momentum(learning_rate=rate, beta=beta), 160).numpy()
    for coordinate, eigenvalue in enumerate((1.0, 100.0)):
        step = np.array([[1 - rate * (1 - beta) * eigenvalue, -rate * beta], [(1 - beta) * eigenvalue, beta]])
        values, vectors = np.linalg.eig(step.astype(complex))
        weights = np.linalg.solve(vectors, np.array([2.0, 0.0]))
        expected = [(vectors[0] * values**n * weights).sum().real for n in range(161)]
        # eigenvectors of condition below 1e3 cost three digits of the sixteen
        np.testing.assert_allclose(path[:, coordinate], expected, rtol=0, atol=1e-12)


def test_the_course_rates_shrink_the_slow_direction_by_0_9643_a_step(quadratic_path):
    """The spectral radius of the iteration with the η of the course."""
    rate, beta = 4 / (math.sqrt(100) + 1) ** 2, ((math.sqrt(100) - 1) / (math.sqrt(100) + 1)) ** 2
    path = quadratic_path(momentum(learning_rate=rate, beta=beta), 400)
    shrinkage = (path[400].norm() / path[300].norm()) ** (1 / 100)
    torch.testing.assert_close(shrinkage.item(), 0.9643, rtol=0, atol=5e-5)
