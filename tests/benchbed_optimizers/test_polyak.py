"""The path of polyak."""

import pytest
import torch

import benchbed
from benchbed_optimizers.polyak import polyak

SETTINGS = [
    {"learning_rate": 10.0, "f_target": 0.0, "damping": 1.0},
    {"learning_rate": 1e-2, "f_target": 0.0, "damping": 0.5},
    {"learning_rate": 1.0, "f_target": 0.5, "damping": 2.0},
]


def next_point(losses, points, setting):
    """The formula with numbers of Python, for a single trial."""
    theta = points[-1].clone().requires_grad_()
    loss = losses[len(points) - 1](theta)
    (g,) = torch.autograd.grad(loss, theta)
    excess = loss.item() - setting["f_target"]
    squared_norm = sum(number**2 for number in g.tolist())
    step_size = 0.0
    if excess > 0 and squared_norm > 0:
        step_size = min(excess / (setting["damping"] * squared_norm), setting["learning_rate"])
    return points[-1] - step_size * g


def test_each_step_obeys_its_formula(assert_steps_obey):
    """With noise, mini-batches, a bound that holds, and a target above the optimum."""
    assert_steps_obey(polyak, SETTINGS, next_point)


@pytest.mark.parametrize(("damping", "remaining"), [(1.0, 0.5), (0.5, 0.0)])
def test_a_step_on_a_sphere_has_a_closed_form(damping, remaining):
    """On ½ λ ‖θ‖² the step size is 1/(2cλ) for every λ: a step halves θ, and with c = ½ it reaches the minimum."""
    theta = torch.tensor([3.0, -4.0], dtype=torch.float64)
    for curvature in (0.5, 7.0):
        minimum = benchbed.minimize(
            lambda point, curvature=curvature: 0.5 * curvature * point.square().sum(),
            theta,
            f"polyak[damping={damping}]",
            steps=1,
        )
        torch.testing.assert_close(minimum.theta, remaining * theta, rtol=0, atol=1e-15)


def test_the_distance_to_a_minimizer_falls_in_each_step(quadratic_path):
    """Also in a narrow valley, where the loss may rise."""
    distances = quadratic_path(polyak(), 200).norm(dim=-1)
    assert (distances.diff() < 0).all()


def test_a_constant_is_rejected():
    """With c = 0 every step has the length of its bound, as that of sgd."""
    with pytest.raises(ValueError, match="must be positive"):
        polyak(damping=0.0)
