"""The path of sharpness-aware minimization."""

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
