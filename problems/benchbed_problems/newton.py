"""Newton's method for convex losses, which certifies an optimum by its gradient."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Derivatives(NamedTuple):
    """Value, gradient `[dimension]` and Hessian `[dimension, dimension]` of a loss at a point."""

    value: Tensor
    gradient: Tensor
    hessian: Tensor


def minimize_convex(at: Callable[[Tensor], Derivatives], start: Tensor, tolerance: float = 1e-12) -> Tensor:
    """Return the minimizer of a strongly convex loss: `[dimension]`, with a gradient norm of at most `tolerance`.

    Steps are halved until the loss decreases (Armijo's rule).

    Source: Nocedal and Wright (2006), Numerical Optimization, algorithms 3.1 and 3.2.

    Raises: ArithmeticError if the norm is not reached in 100 steps.
    """
    theta, derivatives = start, at(start)
    for _ in range(100):
        if derivatives.gradient.norm() <= tolerance:
            return theta
        step = torch.linalg.solve(derivatives.hessian, derivatives.gradient)
        decrease, share = derivatives.gradient @ step, 1.0
        after = at(theta - step)
        # Near the minimum the loss changes by less than its rounding error, and full steps are right.
        while after.value > derivatives.value - 1e-4 * share * decrease and decrease > 1e-12:
            share /= 2
            after = at(theta - share * step)
        theta, derivatives = theta - share * step, after
    raise ArithmeticError(
        f"Newton's method ends at a gradient of norm {derivatives.gradient.norm():.1e}; increase the penalty"
    )
