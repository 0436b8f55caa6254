"""AdamW: Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

from typing import Annotated

from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.adam import AdamState, adam


def adamw(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.999,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-8,
    weight_decay: Annotated[Hyperparameter, LogUniform(1e-5, 1.0)] = 1e-2,
) -> Optimizer[AdamState]:
    """Build AdamW: Adam's step and a decay of the weights, θ ← θ − η m̂ / (√v̂ + ε) − η λ θ.

    `torch.optim.AdamW(lr=η, betas=(β₁, β₂), eps=ε, weight_decay=λ)` takes the same path.

    Source: Loshchilov & Hutter (2019), Decoupled Weight Decay Regularization, algorithm 2, arXiv:1711.05101.
    Deviation: η multiplies the decay, as in the course and in torch; in the paper only the schedule multiplies it.
    """
    base = adam(learning_rate, beta1, beta2, epsilon)

    def update(oracle: Oracle, state: AdamState, theta: Tensor) -> tuple[Tensor, AdamState]:
        adam_theta, state = base.update(oracle, state, theta)
        return adam_theta - learning_rate * weight_decay * theta, state

    return Optimizer(init=base.init, update=update)
