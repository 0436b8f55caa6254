"""Forward mode: a pass for each direction computes values together with their derivatives."""

import functools
import warnings

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Gradient, NotServedError
from benchbed.interfaces.columns import column_by_column, first_sentence, passes_forward, width
from benchbed.interfaces.gradient import Differentiable

FORWARD_MODE_ERRORS = (
    "forward AD",
    "forward mode AD",
    "autograd.Function with functorch",
    "tried to vmap over",
)
"""Parts of torch's messages about operations without a forward derivative; torch has no error class for them."""


def jvp(function: Differentiable, theta: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Compute value and Jacobian-vector product, each `[...]`, along a direction that broadcasts against theta.

    Raises: NotServedError if torch has no forward derivative of an operation in `function`.
    """
    _load()
    # A compiled step for any number of lanes needs the same memory layout of point and tangent.
    point = theta.contiguous()
    tangent = torch.zeros_like(point) + direction
    try:
        value, slope = torch.func.jvp(function, (point,), (tangent,))  # type: ignore[misc]  # two values without has_aux
    except (NotImplementedError, RuntimeError) as error:
        if not any(text in str(error) for text in FORWARD_MODE_ERRORS):
            raise
        raise NotServedError(
            f"torch cannot differentiate this loss by forward mode ({first_sentence(error)}); "
            "use --gradient reverse"
        ) from error
    return value, slope


@functools.cache
def _load() -> None:
    """Load torch's forward derivatives; some are in TorchScript, for which torch warns of deprecation."""
    point = torch.zeros(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.func.jvp(torch.sin, (point,), (point,))


def _forward(function: Differentiable, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Differentiate by forward mode: one Jacobian-vector product for each parameter.

    Source: Wengert (1964), A simple automatic derivative evaluation program, https://doi.org/10.1145/355586.364791.
    """
    return column_by_column(lambda direction: jvp(function, theta, direction), theta)


forward = Gradient(_forward, price=passes_forward, traced=_forward, width=width)


def _forward_random(function: Differentiable, theta: Tensor, draw: Tensor) -> tuple[Tensor, Tensor]:
    """Estimate the gradient without bias by (∇f · v) v, v standard normal, with one Jacobian-vector product.

    Source: Baydin, Pearlmutter, Syme, Wood & Torr (2022), Gradients without backpropagation, definition 1,
    arXiv:2202.08587.
    """
    value, slope = jvp(function, theta, draw)
    return value, slope.unsqueeze(-1) * draw


def _directions(generator: Generator, steps: int, dimension: int) -> Tensor:
    """Draw v for every step, `[steps, dimension]`."""
    return torch.randn(steps, dimension, generator=generator, dtype=torch.float64)


forward_random = Gradient(
    _forward_random, price=lambda dimension: 2 / 3, make_draws=_directions, traced=_forward_random
)
