"""Reverse mode (backpropagation): one pass back through what was computed gives every partial derivative."""

import torch
from torch import Tensor

from benchbed.engine.evaluation import reverse as reverse_by_autograd
from benchbed.interfaces import Gradient
from benchbed.interfaces.gradient import Differentiable


def reverse_under_vmap(function: Differentiable, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Do the same for one lane inside `torch.func.vmap`, where `torch.autograd.grad` cannot go.

    Outside, the autograd call takes half the time.
    """
    gradient, loss = torch.func.grad_and_value(function)(theta)
    return loss, gradient


def reverse_traced(function: Differentiable, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Do the same for all lanes in a program that is being compiled, where `torch.autograd.grad` cannot go either."""

    def total(point: Tensor) -> tuple[Tensor, Tensor]:
        loss = function(point)
        return loss.sum(), loss

    gradient, loss = torch.func.grad(total, has_aux=True)(theta)
    return loss, gradient


reverse = Gradient(reverse_by_autograd, under_vmap=reverse_under_vmap, traced=reverse_traced)
"""What torch.autograd does; by the same function the engine measures gradient norms, whatever a run uses."""
