"""Gradient clipping."""

from typing import Annotated, Any

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, Optimizer, Oracle
from benchbed_optimizers.wrappers.changed_gradients import require_changeable_gradients

SAFE = 1e-6
"""Added to the norm, as in `torch.nn.utils.clip_grad_norm_`."""


def clip(
    optimizer: Optimizer[Any], norm: Annotated[Hyperparameter, LogUniform(1e-3, 1e3)] = 1.0
) -> Optimizer[Any]:
    """Clip the norm of the gradient: g ← g min(1, c / ‖g‖), with c the parameter `norm`.

    `torch.nn.utils.clip_grad_norm_(parameters, c)` before each step does the same.

    Source: Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks, algorithm 1,
    arXiv:1211.5063.
    """

    def change(gradient: Tensor) -> Tensor:
        length = gradient.square().sum(-1, keepdim=True).sqrt()
        return gradient * (norm / (length + SAFE)).clamp(max=1.0)

    return with_gradients(optimizer, change)


def clip_value(
    optimizer: Optimizer[Any], value: Annotated[Hyperparameter, LogUniform(1e-3, 1e3)] = 1.0
) -> Optimizer[Any]:
    """Clip each coordinate of the gradient to [−c, c], with c the parameter `value`.

    `torch.nn.utils.clip_grad_value_(parameters, c)` before each step does the same.

    Source: Mikolov (2012), Statistical Language Models Based on Neural Networks.
    """

    def change(gradient: Tensor) -> Tensor:
        bound = value + torch.zeros_like(gradient)
        return torch.minimum(torch.maximum(gradient, -bound), bound)

    return with_gradients(optimizer, change)


def with_gradients(optimizer: Optimizer[Any], change: Any) -> Optimizer[Any]:
    """Return the optimizer that receives changed gradients. Raises: ValueError if it needs exact ones."""
    require_changeable_gradients(optimizer)

    def update(oracle: Oracle, state: Any, theta: Tensor) -> tuple[Tensor, Any]:
        return optimizer.update(oracle.map(change), state, theta)

    return optimizer._replace(update=update)
