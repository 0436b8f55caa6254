"""The path of rmsprop, with ε outside the root."""

import numpy as np
import torch

from benchbed_optimizers.rmsprop import rmsprop

SETTINGS = [
    {"learning_rate": 1e-3, "decay": 0.9, "epsilon": 1e-8},
    {"learning_rate": 1e-3, "decay": 0.99, "epsilon": 1e-2},
    {"learning_rate": 1e-4, "decay": 0.5, "epsilon": 1e-6},
]


def test_the_path_equals_torch(assert_same_path_as_torch):
    """`torch.optim.RMSprop` calls ρ alpha."""
    assert_same_path_as_torch(
        rmsprop,
        SETTINGS,
        lambda parameters, setting: torch.optim.RMSprop(
            parameters, lr=setting["learning_rate"], alpha=setting["decay"], eps=setting["epsilon"]
        ),
    )


def test_the_first_step_divides_by_the_root_plus_epsilon(quadratic_path):
    """From v = 0: θ₁ = θ₀ − η g / (√(0.1) |g| + ε), with a large ε, since the place of a small one would not matter."""
    path = quadratic_path(rmsprop(learning_rate=0.1, decay=0.9, epsilon=0.5), 1)
    gradient = np.array([2.0, 200.0])
    expected = 2 - 0.1 * gradient / (np.sqrt(0.1) * gradient + 0.5)
    np.testing.assert_allclose(path[1].numpy(), expected, rtol=1e-14)
