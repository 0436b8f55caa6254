"""AdamW: Adam, with weight decay that does not pass through its averages."""

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
    """Step as Adam does and shrink by the decoupled decay: θ ← θ − η m̂ / (√v̂ + ε) − η λ θ.

    Source: Loshchilov & Hutter (2019), Decoupled Weight Decay Regularization, algorithm 2, arXiv:1711.05101.
    Deviation: the decay is multiplied by η, which the paper keeps apart from its schedule; so do the course
    and `torch.optim.AdamW(lr=η, betas=(β₁, β₂), eps=ε, weight_decay=λ)`, which takes the same path.
    """
    step = adam(learning_rate, beta1, beta2, epsilon)

    def update(oracle: Oracle, state: AdamState, theta: Tensor) -> tuple[Tensor, AdamState]:
        moved, state = step.update(oracle, state, theta)
        return moved - learning_rate * weight_decay * theta, state

    return Optimizer(init=step.init, update=update)
