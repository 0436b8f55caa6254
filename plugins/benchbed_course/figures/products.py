"""Jacobian-vector products by torch's forward mode."""

import functools
import warnings
from typing import Any

import torch
from torch import Tensor

from benchbed.interfaces.gradient import Differentiable


def jacobian_vector_product(function: Differentiable, x: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Return f(x) and its derivative along a direction of the same shape."""
    _load_forward_mode()
    products: Any = torch.func.jvp(function, (x,), (direction,))
    value, slope = products
    return value, slope


@functools.cache
def _load_forward_mode() -> None:
    """Load torch's forward derivatives, which use a deprecated part of torch, without its warning."""
    point = torch.zeros(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.func.jvp(torch.sin, (point,), (point,))
