"""Polyak's step size (Polyak 1987), bounded as SPS_max (Loizou et al. 2021)."""

from typing import Annotated

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, Optimizer, Oracle, Uniform
from benchbed_optimizers.sgd import NoState


def polyak(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 10.0,
    f_target: Annotated[Hyperparameter, Uniform(0.0, 1.0)] = 0.0,
    damping: Annotated[Hyperparameter, LogUniform(0.1, 10.0)] = 1.0,
) -> Optimizer[NoState]:
    """Build Polyak's method: θ ← θ − min(η, (f − f*) / (c ‖g‖²)) g, with f* = `f_target` and c = `damping`.

    f and g are the loss and gradient on a draw; without noise and with the optimum as f*, the distance to every
    minimizer of a convex f falls in each step. A loss below `f_target` makes no step. The rate η is the bound γ_b of
    SPS_max; schedules change this bound alone.

    Source: Polyak (1987), Introduction to Optimization, with c = 1 and without a bound; Loizou et al.
    (2021), Stochastic Polyak Step-size for SGD: An Adaptive Learning Rate for Fast Convergence, there SPS_max,
    arXiv:2002.10542. The default bound is that of its code, where c is 0.5.
    """
    if isinstance(damping, int | float) and damping == 0:
        raise ValueError("damping is 0; must be positive, as the rule is sgd otherwise")

    def update(oracle: Oracle, state: NoState, theta: Tensor) -> tuple[Tensor, NoState]:
        g = oracle.gradient
        squared_norm = g.square().sum(-1, keepdim=True)
        excess = (oracle.loss.unsqueeze(-1) - f_target).clamp_min(0.0)
        # At a stationary point the quotient is not a number, and the step is 0 with any rate.
        step_size = torch.where(squared_norm > 0, excess / (damping * squared_norm), 0.0)
        return theta - step_size.clamp(max=learning_rate) * g, state

    return Optimizer(init=lambda theta: NoState(), update=update, needs_exact_gradients=True)
