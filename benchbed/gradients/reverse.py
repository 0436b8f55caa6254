"""Reverse mode (backpropagation): one backward pass computes all partial derivatives."""

import torch
from torch import Tensor

from benchbed.engine.evaluation import reverse as reverse_by_autograd
from benchbed.interfaces import Gradient
from benchbed.interfaces.gradient import Differentiable


def reverse_under_vmap(function: Differentiable, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Differentiate one lane inside `torch.func.vmap`, where `torch.autograd.grad` does not work.

    Outside of vmap, `torch.autograd.grad` takes half the time.
    """
    gradient, loss = torch.func.grad_and_value(function)(theta)
    return loss, gradient


def reverse_traced(function: Differentiable, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Differentiate all lanes in a traced step, where `torch.autograd.grad` does not work either."""

    def total(point: Tensor) -> tuple[Tensor, Tensor]:
        loss = function(point)
        return loss.sum(), loss

    gradient, loss = torch.func.grad(total, has_aux=True)(theta)
    return loss, gradient


reverse = Gradient(reverse_by_autograd, under_vmap=reverse_under_vmap, traced=reverse_traced)
"""Reverse mode by torch.autograd; the engine measures gradient norms with it, independently of `--gradient`."""
