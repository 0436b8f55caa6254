"""The path of sharpness-aware minimization."""

import pytest

import benchbed
from benchbed.catalog.wrapping import wrapped_factory
from benchbed_optimizers.sgd import sgd
from benchbed_optimizers.wrappers.sharpness import sam


def test_sam_is_the_papers(assert_same_path_as_loop):
    """Algorithm 1 with the norm of order 2: the gradient at the highest point of a ball, to first order."""

    def step(g, theta, t, memory, setting, gradient_at):
        sharp = gradient_at(theta + setting["sam_rho"] * g / (g.norm() + 1e-12))
        return theta - setting["learning_rate"] * sharp

    settings = [{"learning_rate": 1e-3, "sam_rho": rho} for rho in (0.05, 0.5)]
    assert_same_path_as_loop(wrapped_factory("sam", sam, sgd), settings, step)


def test_a_class_of_torch_with_a_line_search_is_rejected():
    """It would search along slopes of the gradient at θ alone."""
    rule = "torch.optim:LBFGS[learning_rate=1, line_search_fn=strong_wolfe]"
    with pytest.raises(RuntimeError, match=r"^sam replaces the gradient at one point.*such as sam\(adam\)$"):
        benchbed.minimize(lambda theta: theta.square().sum(), [3.0, 1.0], f"sam({rule})", steps=20)
