"""Offer the built-in ways to differentiate a loss, through the same door as a stranger's."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Gradient

Loss = Callable[[Tensor], Tensor]


def reverse(function: Loss, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Differentiate `function: [..., dimension] -> [...]` lane by lane, by reverse mode (backpropagation).

    Source: Linnainmaa (1976), Taylor expansion of the accumulated rounding error, https://doi.org/10.1007/BF01931367.
    """
    with torch.enable_grad():
        point = theta.detach().requires_grad_()
        loss = function(point)
        (gradient,) = torch.autograd.grad(loss.sum(), point)
    return loss.detach(), gradient


def reverse_under_vmap(function: Loss, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Do the same for one lane inside `torch.func.vmap`, where `torch.autograd.grad` cannot go."""
    gradient, loss = torch.func.grad_and_value(function)(theta)
    return loss, gradient


def reverse_traced(function: Loss, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Do the same for all lanes in a program that is being compiled, where `torch.autograd.grad` cannot go either."""

    def total(point: Tensor) -> tuple[Tensor, Tensor]:
        loss = function(point)
        return loss.sum(), loss

    gradient, loss = torch.func.grad(total, has_aux=True)(theta)
    return loss, gradient


# Outside vmap the autograd call takes half the time; the engine picks the right one by this attribute.
reverse.under_vmap = reverse_under_vmap  # type: ignore[attr-defined]  # functions take any
reverse.traced = reverse_traced  # type: ignore[attr-defined]  # functions take any


@hookimpl
def register_gradients(register: Callable[[Gradient], None]) -> None:
    """Enter the built-in gradients."""
    register(reverse)
