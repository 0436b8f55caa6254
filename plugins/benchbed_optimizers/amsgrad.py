"""AMSGrad (Reddi, Kale & Kumar 2018)."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.adam import AdamState, adam


class AMSGradState(NamedTuple):
    """The moments of Adam, and the largest v so far, `[..., dimension]`."""

    first_moment: Tensor
    second_moment: Tensor
    first_correction: Tensor
    second_correction: Tensor
    largest: Tensor


def amsgrad(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.999,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-8,
) -> Optimizer[AMSGradState]:
    """Build AMSGrad: Adam with the largest v so far, w ← max(w, v), θ ← θ − η m̂ / (√ŵ + ε), ŵ = w / (1 − β₂ᵗ).

    `torch.optim.Adam(lr=η, betas=(β₁, β₂), eps=ε, amsgrad=True)` takes the same path.

    Source: Reddi, Kale & Kumar (2018), On the Convergence of Adam and Beyond, algorithm 2, arXiv:1904.09237.
    Deviation: the paper has neither corrections of the bias nor ε; here they are Adam's, as in torch.
    """
    base = adam(learning_rate, beta1, beta2, epsilon)

    def init(theta: Tensor) -> AMSGradState:
        return AMSGradState(*base.init(theta), torch.zeros_like(theta))

    def update(oracle: Oracle, state: AMSGradState, theta: Tensor) -> tuple[Tensor, AMSGradState]:
        _, moments = base.update(oracle, AdamState(*state[:4]), theta)
        w = torch.maximum(state.largest, moments.second_moment)
        m_hat = moments.first_moment / moments.first_correction
        w_hat = w / moments.second_correction
        return theta - learning_rate * m_hat / (w_hat.sqrt() + epsilon), AMSGradState(*moments, w)

    return Optimizer(init=init, update=update)
