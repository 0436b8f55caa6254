"""`delayed(…)` updates by past gradients."""

import pytest
import torch

import benchbed
from benchbed.catalog.wrapping import wrapped_factory
from benchbed.testing import check_wrapper
from benchbed_optimizers.sgd import sgd
from benchbed_optimizers.wrappers.averaging import ema
from benchbed_optimizers.wrappers.delay import delayed


def paths(steps, rate=0.05, curvature=2.0, length=50):
    """Return the iterates on ½ h θ² of the wrapper, and those of the recursion θ ← θ − η h θₜ₋ₖ."""
    optimizer = wrapped_factory("delayed", delayed, sgd)(learning_rate=rate, delayed_steps=steps)
    theta = torch.ones(1, dtype=torch.float64)
    state, path, recursion = optimizer.init(theta), [theta], [1.0]
    for number in range(length):
        theta, state = optimizer.update(Linear(curvature * theta, number), state, theta)
        path.append(theta)
        past = recursion[max(number - steps, 0)]
        recursion.append(recursion[-1] - rate * curvature * past)
    return torch.cat(path), torch.tensor(recursion, dtype=torch.float64)


class Linear:
    """The oracle of a step with a gradient."""

    def __init__(self, gradient, number):
        self.gradient, self.step = gradient, torch.full((1,), float(number), dtype=torch.float64)

    def map(self, change):
        """Change the gradient."""
        return Linear(change(self.gradient), self.step.item())


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_the_path_is_that_of_the_recursion(steps):
    """Of gradient descent with a delay."""
    path, recursion = paths(steps)
    assert torch.allclose(path, recursion, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("rate", "is_stable"), [(0.49, True), (0.51, False)])
def test_a_delay_halves_the_largest_stable_rate(rate, is_stable):
    """θ ← θ − η h θₜ₋₁ is stable for η h < 1, and without the delay for η h < 2."""
    path, _ = paths(1, rate, length=2_000)
    assert (path[-1].abs() < 1) == is_stable


@pytest.mark.parametrize("steps", [1, 3])
def test_it_conforms(steps):
    """Around a rule with momentum, and around an answer with a state."""
    check_wrapper(delayed, steps=steps)
    check_wrapper(delayed, lambda: ema(sgd()), steps=steps)


def test_no_delay_is_rejected():
    """It would be the optimizer itself."""
    with pytest.raises(ValueError, match="steps is 0; must be at least 1"):
        delayed(sgd(), steps=0)


def test_a_class_of_torch_with_a_line_search_is_rejected():
    """The gradient of a past point is not that of a trial of the search."""
    rule = "torch.optim:LBFGS[learning_rate=1, line_search_fn=strong_wolfe]"
    with pytest.raises(RuntimeError, match=r"^delayed replaces the gradient at one point.*delayed\(adam\)$"):
        benchbed.minimize(lambda theta: theta.square().sum(), [3.0, 1.0], f"delayed({rule})", steps=20)
