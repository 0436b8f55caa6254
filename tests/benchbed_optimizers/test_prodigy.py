"""The path of prodigy, and its estimate of the distance."""

import pytest
import torch

from benchbed_optimizers.prodigy import prodigy
from benchbed_problems.runge import Runge

# An initial distance of 1e-6 would make the first inner products of g with the path as imprecise as 1e-16 / 1e-8.
DISTANCES = (0.01, 0.05, 0.2)
SETTINGS = [
    {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0},
    {"beta1": 0.5, "beta2": 0.99, "epsilon": 1e-3, "weight_decay": 0.1},
    {"beta1": 0.98, "beta2": 0.99, "epsilon": 1e-2, "weight_decay": 1.0},
]
SETTINGS = [
    {**setting, "learning_rate": 0.02, "initial_distance": distance}
    for setting, distance in zip(SETTINGS, DISTANCES, strict=True)
]


def test_the_path_is_the_papers(assert_same_path_as_loop):
    """Algorithm 4 with the decoupled decay of the authors' code."""

    def step(g, theta, t, memory, setting, gradient_at):
        rate, beta1, beta2 = setting["learning_rate"], setting["beta1"], setting["beta2"]
        start, d = memory.setdefault("start", theta), memory.get("d", setting["initial_distance"])
        m = beta1 * memory.get("m", 0) + (1 - beta1) * d * g
        v = beta2 * memory.get("v", 0) + (1 - beta2) * d**2 * g**2
        root = beta2**0.5
        r = root * memory.get("r", 0) + (1 - root) * rate * d**2 * (g @ (start - theta))
        s = root * memory.get("s", 0) + (1 - root) * rate * d**2 * g
        memory.update(m=m, v=v, r=r, s=s, d=max(d, (r / s.abs().sum()).item()))
        return (
            theta
            - rate * d * m / (v**0.5 + d * setting["epsilon"])
            - rate * d * setting["weight_decay"] * theta
        )

    assert_same_path_as_loop(prodigy, SETTINGS, step)


def test_the_path_equals_its_reference(assert_same_path_as_torch, problem):
    """With a vanishing ε, which `pytorch_optimizer.Prodigy` multiplies by the next d, and in float64.

    Without ε small gradients of `runge` amplify rounding unless the rate is low.
    """
    package = pytest.importorskip("pytorch_optimizer")
    rate = 0.004 if isinstance(problem, Runge) else 0.01
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        assert_same_path_as_torch(
            prodigy,
            [{**setting, "epsilon": 1e-200, "learning_rate": rate} for setting in SETTINGS],
            lambda parameters, setting: package.Prodigy(
                parameters,
                lr=setting["learning_rate"],
                betas=(setting["beta1"], setting["beta2"]),
                eps=setting["epsilon"],
                weight_decay=setting["weight_decay"],
                d0=setting["initial_distance"],
            ),
        )
    finally:
        torch.set_default_dtype(before)


def test_each_lane_estimates_its_distance(oracle_of):
    """On |θ₁ − c₁| + |θ₂ − c₂| the estimate grows from 1e-6 to a tenth of max |cᵢ|, which it cannot exceed."""
    optimizer = prodigy()
    target = torch.tensor([[3.0, -1.0], [50.0, 400.0]], dtype=torch.float64)
    theta = torch.zeros_like(target)
    state = optimizer.init(theta)
    assert state.distance.tolist() == [[1e-6], [1e-6]]
    for _ in range(100):
        theta, state = optimizer.update(oracle_of((theta - target).sign()), state, theta)
    share = state.distance / target.abs().amax(-1, keepdim=True)
    assert ((share > 0.1) & (share <= 1)).all()


def test_a_distance_of_zero_would_stay():
    """No step would be taken."""
    with pytest.raises(ValueError, match="initial_distance is 0; it must be above 0"):
        prodigy(initial_distance=0.0)
