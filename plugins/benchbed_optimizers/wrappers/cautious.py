"""Cautious updates."""

from typing import Any

from torch import Tensor

from benchbed.interfaces import Optimizer, Oracle


def cautious(optimizer: Optimizer[Any]) -> Optimizer[Any]:
    """Move only the coordinates whose step descends: θ ← θ + d / (n + 1) φ u, with the step u and φᵢ = 1 if uᵢ gᵢ < 0.

    d is the dimension and n the number of coordinates that move.

    Source: Liang et al. (2024), Cautious Optimizers: Improving Training with One Line of Code, equation 1 with ξ = 1,
    arXiv:2411.16085, on the whole of θ.
    """

    def update(oracle: Oracle, state: Any, theta: Tensor) -> tuple[Tensor, Any]:
        g = oracle.gradient
        moved, state = optimizer.update(oracle, state, theta)
        step = moved - theta
        is_descent = (step * g < 0).to(theta.dtype)
        scale = theta.shape[-1] / (is_descent.sum(-1, keepdim=True) + 1)
        return theta + scale * is_descent * step, state

    return optimizer._replace(update=update)
