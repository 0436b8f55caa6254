"""Sharpness-aware minimization."""

from typing import Annotated, Any

from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, Optimizer, Oracle
from benchbed_optimizers.wrappers.changed_gradients import require_changeable_gradients

SAFE = 1e-12
"""Added to the norm, as in the authors' code."""


def sam(
    optimizer: Optimizer[Any], rho: Annotated[Hyperparameter, LogUniform(1e-3, 1.0)] = 0.05
) -> Optimizer[Any]:
    """Step by the gradient at θ + ρ g / ‖g‖ instead of that at θ; a step costs two gradients.

    The optimizer must ask for no gradient at another point, as a line search does.

    Source: Foret et al. (2021), Sharpness-Aware Minimization for Efficiently Improving Generalization, algorithm 1,
    arXiv:2010.01412, with ρ = 0.05.
    """
    require_changeable_gradients(optimizer)

    def update(oracle: Oracle, state: Any, theta: Tensor) -> tuple[Tensor, Any]:
        g = oracle.gradient
        length = g.square().sum(-1, keepdim=True).sqrt()
        _, sharp = oracle.at(theta + rho * g / (length + SAFE))

        def replace(gradient: Tensor) -> Tensor:
            if gradient is not g:
                raise RuntimeError(
                    "sam replaces the gradient at one point, and its optimizer asks for one at another point; use a "
                    "rule without a line search, such as sam(adam)"
                )
            return sharp

        return optimizer.update(oracle.map(replace), state, theta)

    return optimizer._replace(update=update)
