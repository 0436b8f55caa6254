"""Differentiate by reverse mode: how everything is measured, whatever gradient a run's optimizers are given."""

import torch
from torch import Tensor

from benchbed.interfaces.gradient import Differentiable


def reverse(function: Differentiable, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Differentiate lane by lane by reverse mode (backpropagation): one pass, whatever the dimension.

    Source: Linnainmaa (1976), Taylor expansion of the accumulated rounding error, https://doi.org/10.1007/BF01931367.
    """
    with torch.enable_grad():
        point = theta.detach().requires_grad_()
        loss = function(point)
        (gradient,) = torch.autograd.grad(loss.sum(), point)
    return loss.detach(), gradient


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
