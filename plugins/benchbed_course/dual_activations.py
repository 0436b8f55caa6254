"""Rules of dual numbers for the activations of networks: each computes σ(a) as torch does, and σ′(a) b."""

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from benchbed_course.dual_number import Operand, not_implemented, register_rule
from benchbed_course.dual_tensors import Dual, lift

__all__ = ["Dual", "add_product", "gelu", "lift", "relu", "sigmoid", "silu", "tanh"]


def relu(u: Dual, inplace: bool = False) -> Dual:
    """Compute max(0, a) + (b if a > 0 else 0) ε; at the kink the slope is 0, as torch has it."""
    _reject_in_place("relu", inplace)
    value = torch.relu(u.value)
    return Dual(value, torch.where(value <= 0, 0, u.slope))


def tanh(u: Dual) -> Dual:
    """Compute t + (1 − t²) b ε with t = tanh a."""
    value = torch.tanh(u.value)
    return Dual(value, (1 - value * value) * u.slope)


def sigmoid(u: Dual) -> Dual:
    """Compute s + s (1 − s) b ε with s = 1 / (1 + e^−a)."""
    value = torch.sigmoid(u.value)
    return Dual(value, value * (1 - value) * u.slope)


def silu(u: Dual, inplace: bool = False) -> Dual:
    """Compute a s + s (1 + a (1 − s)) b ε with s = 1 / (1 + e^−a)."""
    _reject_in_place("silu", inplace)
    share = torch.sigmoid(u.value)
    return Dual(functional.silu(u.value), share * (1 + u.value * (1 - share)) * u.slope)


def gelu(u: Dual, approximate: Literal["none", "tanh"] = "none") -> Dual:
    """Compute a Φ(a) + (Φ(a) + a φ(a)) b ε, with distribution function and density of the standard normal.

    With `approximate` "tanh", Φ(a) is ½ (1 + t), t = tanh(√(2/π) (a + 0.044715 a³)), and φ(a) its derivative.

    Source: Hendrycks & Gimpel (2016), Gaussian Error Linear Units, section 2, arXiv:1606.08415.
    """
    a = u.value
    if approximate == "tanh":
        squashed = torch.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3))
        distribution = (1 + squashed) / 2
        inner_slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * a * a)
        density = (1 - squashed * squashed) * inner_slope / 2
    else:
        distribution = (1 + torch.erf(a / math.sqrt(2))) / 2
        density = torch.exp(-a * a / 2) / math.sqrt(2 * math.pi)
    return Dual(functional.gelu(a, approximate=approximate), (distribution + a * density) * u.slope)


def add_product(u: Operand, v: Operand, w: Operand, *, value: float = 1) -> Dual:
    """Compute u + value · v w, as `torch.addcmul`, by the product rule."""
    first, second, third = lift(u, v, w)
    product = second * third
    total: Tensor = torch.addcmul(first.value, second.value, third.value, value=value)
    return Dual(total, first.slope + value * product.slope)


def _reject_in_place(name: str, inplace: bool) -> None:
    if inplace:
        raise not_implemented(f"torch.nn.functional.{name} with inplace=True")


for _rule in (relu, tanh, sigmoid, silu, gelu):
    register_rule(_rule, _rule.__name__)
register_rule(add_product, "addcmul")
