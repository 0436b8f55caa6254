"""Forward mode by dual numbers, written for readers: compute with θ + v ε and read the derivative off ε."""

import torch
from torch import Tensor

from benchbed.interfaces import Gradient
from benchbed.interfaces.columns import column_by_column, passes_forward, width
from benchbed.interfaces.gradient import Differentiable
from benchbed_course.dual_activations import Dual, lift  # the last of the files that register rules

__all__ = ["Dual", "derivative", "dual"]


def derivative(function: Differentiable, theta: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Compute f(θ) and its derivative along a direction that broadcasts against theta.

    Raises: NotServedError if dual numbers do not implement an operation of `function`.
    """
    point = Dual(theta, torch.zeros_like(theta) + direction)
    result = lift(function(point), point)[0]  # type: ignore[arg-type]  # a loss takes any numbers
    return result.value, result.slope


def _dual(function: Differentiable, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Differentiate by dual numbers, a type with a rule for each operation: one pass for each parameter.

    Source: the course's forward mode; Wengert (1964), https://doi.org/10.1145/355586.364791.
    """
    return column_by_column(lambda direction: derivative(function, theta, direction), theta)


dual = Gradient(_dual, price=passes_forward, width=width)
