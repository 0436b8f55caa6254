"""The path of mars in both forms."""

import functools

import pytest
import torch

from benchbed_optimizers.mars import mars

SETTINGS = [
    {
        "learning_rate": 1e-3,
        "beta1": 0.95,
        "beta2": 0.99,
        "gamma": 0.025,
        "epsilon": 1e-8,
        "weight_decay": 0.0,
    },
    {"learning_rate": 2e-3, "beta1": 0.5, "beta2": 0.99, "gamma": 0.5, "epsilon": 1e-3, "weight_decay": 0.1},
    {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "gamma": 1.0, "epsilon": 1e-2, "weight_decay": 1.0},
]


@pytest.mark.parametrize("form", ["approximate", "exact"])
def test_the_path_is_the_papers(form, assert_same_path_as_loop):
    """Algorithm 2; the correction vanishes in the first step, since the points 0 and 1 are equal."""

    def step(g, theta, t, memory, setting, gradient_at):
        beta1, beta2 = setting["beta1"], setting["beta2"]
        h = gradient_at(memory.get("theta", theta)) if form == "exact" else memory.get("g", g)
        c = g + setting["gamma"] * beta1 / (1 - beta1) * (g - h)
        c = c / c.norm() if c.norm() > 1 else c
        m = beta1 * memory.get("m", 0) + (1 - beta1) * c
        v = beta2 * memory.get("v", 0) + (1 - beta2) * c**2
        memory.update(m=m, v=v, g=g, theta=theta)
        direction = m / (1 - beta1**t) / ((v / (1 - beta2**t)) ** 0.5 + setting["epsilon"])
        return theta - setting["learning_rate"] * (direction + setting["weight_decay"] * theta)

    assert_same_path_as_loop(functools.partial(mars, form=form), SETTINGS, step)


def test_the_path_equals_its_reference(assert_same_path):
    """That of `pytorch_optimizer.MARS`, with the first gradient as the last one before it and a vanishing ε.

    The rate is low, since small gradients of `runge` amplify rounding without ε.
    """
    package = pytest.importorskip("pytorch_optimizer")

    class Mars(package.MARS):
        """Without the 1e-15 that the package adds to v."""

        apply_ams_bound = staticmethod(functools.partial(package.MARS.apply_ams_bound, exp_avg_sq_eps=0.0))

    def reference(losses, theta, setting):
        parameter = torch.nn.Parameter(theta.clone())
        optimizer = Mars(
            [parameter],
            lr=setting["learning_rate"],
            betas=(setting["beta1"], setting["beta2"]),
            gamma=setting["gamma"],
            eps=setting["epsilon"],
            weight_decay=setting["weight_decay"],
            optimize_1d=True,
            foreach=False,
        )
        path = [theta]
        for loss in losses:
            optimizer.zero_grad()
            loss(parameter).backward()
            if not optimizer.state[parameter]:
                zero = torch.zeros_like(theta)
                optimizer.state[parameter].update(
                    exp_avg=zero, exp_avg_sq=zero.clone(), last_grad=parameter.grad.clone()
                )
            optimizer.step()
            path.append(parameter.detach().clone())
        return torch.stack(path)

    assert_same_path(
        mars, [{**setting, "epsilon": 1e-200, "learning_rate": 1e-4} for setting in SETTINGS], reference
    )
