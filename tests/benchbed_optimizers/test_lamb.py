"""The path of lamb."""

import functools

import pytest
import torch

from benchbed.interfaces import Layout
from benchbed_optimizers.lamb import lamb

SETTINGS = [
    {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-6, "weight_decay": 0.0},
    {"learning_rate": 5e-3, "beta1": 0.5, "beta2": 0.99, "epsilon": 1e-3, "weight_decay": 0.1},
    {"learning_rate": 2e-3, "beta1": 0.9, "beta2": 0.9, "epsilon": 1e-2, "weight_decay": 1.0},
]
NEGLIGIBLE = 1e-30
"""For the package, which adds the same ε to norms; 0 / 0 is avoided, where a gradient is 0."""


def test_the_path_without_correction_equals_its_reference(assert_same_path_as_torch):
    """That of `pytorch_optimizer.Lamb`."""
    package = pytest.importorskip("pytorch_optimizer")
    assert_same_path_as_torch(
        functools.partial(lamb, bias_correction=False),
        [setting | {"epsilon": NEGLIGIBLE} for setting in SETTINGS],
        lambda parameters, setting: package.Lamb(
            parameters,
            lr=setting["learning_rate"],
            betas=(setting["beta1"], setting["beta2"]),
            eps=setting["epsilon"],
            weight_decay=setting["weight_decay"],
            weight_decouple=False,
            adam_debias=True,
        ),
    )


def test_the_path_equals_the_recursion_of_the_paper(assert_same_path_as_loop, problem):
    """Block by block."""

    def step(g, theta, t, memory, setting, gradient_at):
        beta1, beta2 = setting["beta1"], setting["beta2"]
        memory["m"] = beta1 * memory.get("m", 0.0) + (1 - beta1) * g
        memory["v"] = beta2 * memory.get("v", 0.0) + (1 - beta2) * g**2
        m_hat, v_hat = memory["m"] / (1 - beta1**t), memory["v"] / (1 - beta2**t)
        r = m_hat / (v_hat**0.5 + setting["epsilon"]) + setting["weight_decay"] * theta
        steps = {}
        for name, view in problem.layout.views(r).items():
            phi, length = torch.linalg.norm(problem.layout.views(theta)[name]), torch.linalg.norm(view)
            steps[name] = (phi / length if phi > 0 and length > 0 else 1.0) * view
        return theta - setting["learning_rate"] * problem.layout.join(steps)

    assert_same_path_as_loop(lamb, SETTINGS, step)


def test_a_block_at_the_origin_moves(oracle_of):
    """With a ratio of 1; by the formula it would stay there. The other block moves in proportion to its norm."""
    optimizer = lamb(Layout({"bias": (2,), "weight": (2, 2)}), learning_rate=0.5)
    theta = torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0, 1.0], dtype=torch.float64)
    gradient = torch.tensor([1.0, -1.0, 2.0, 2.0, -2.0, -2.0], dtype=torch.float64)
    moved, _ = optimizer.update(oracle_of(gradient), optimizer.init(theta), theta)
    steps = torch.tensor([0.5, -0.5, *(0.25 * gradient[2:])], dtype=torch.float64)
    torch.testing.assert_close(theta - moved, steps, rtol=2e-6, atol=0)  # ε = 10⁻⁶


def test_a_trial_at_rest_stays_finite(oracle_of):
    """Where the gradient and the block are 0."""
    optimizer = lamb(Layout({"theta": (2,)}))
    theta = torch.zeros(2)
    moved, _ = optimizer.update(oracle_of(theta), optimizer.init(theta), theta)
    assert torch.equal(moved, theta)
