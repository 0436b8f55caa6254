"""The path of adamw."""

import torch

from benchbed_optimizers.adam import adam
from benchbed_optimizers.adamw import adamw

SETTINGS = [
    {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 1e-2},
    {"learning_rate": 5e-3, "beta1": 0.5, "beta2": 0.99, "epsilon": 1e-3, "weight_decay": 1.0},
    {"learning_rate": 1e-3, "beta1": 0.0, "beta2": 0.9999, "epsilon": 1e-2, "weight_decay": 1e-4},
]


def test_the_path_equals_torch(assert_same_path_as_torch):
    """`torch.optim.AdamW` multiplies the decay by the learning rate too."""
    assert_same_path_as_torch(
        adamw,
        SETTINGS,
        lambda parameters, setting: torch.optim.AdamW(
            parameters,
            lr=setting["learning_rate"],
            betas=(setting["beta1"], setting["beta2"]),
            eps=setting["epsilon"],
            weight_decay=setting["weight_decay"],
        ),
    )


def test_without_decay_the_path_is_adams(quadratic_path):
    """With λ = 0 the path equals that of adam to the bit."""
    path = quadratic_path(adamw(learning_rate=0.05, weight_decay=0.0), 50)
    assert torch.equal(path, quadratic_path(adam(learning_rate=0.05), 50))


def test_the_decay_does_not_enter_the_moments(quadratic_path):
    """The first step is that of adam minus ηλθ."""
    decayed = quadratic_path(adamw(learning_rate=0.05, weight_decay=0.5), 1)
    plain = quadratic_path(adam(learning_rate=0.05), 1)
    torch.testing.assert_close(decayed[1], plain[1] - 0.05 * 0.5 * 2, rtol=1e-14, atol=0)
