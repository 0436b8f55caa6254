"""SOAP (Vyas et al. 2024): Adam in the eigenbases of Shampoo."""

from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, Layout, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.adamw import adamw
from benchbed_optimizers.matrix_blocks import MatrixBlocks, check_frequency, flatten, outer_products


class SoapState(NamedTuple):
    """Moments M and V, `[..., dimension]`, their corrections, and L, R and bases, `[..., Σ (rows² + columns²)]`."""

    first_moment: Tensor
    second_moment: Tensor
    first_correction: Tensor
    second_correction: Tensor
    statistics: Tensor
    bases: Tensor


def soap(
    layout: Layout,
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 3e-3,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.95,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.95,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-8,
    weight_decay: Annotated[Hyperparameter, LogUniform(1e-5, 1.0)] = 1e-2,
    frequency: int = 10,
) -> Optimizer[Any]:
    """Build SOAP: Adam on G' = Q_Lᵀ G Q_R for each matrix W with gradient G, θ ← θ − η (N + λ θ).

    M ← β₁ M + (1 − β₁) G and V ← β₂ V + (1 − β₂) G'², corrected for their start at 0 as Adam's, give the direction
    N = Q_L ((Q_Lᵀ M̂ Q_R) / (√V̂ + ε)) Q_Rᵀ. The bases Q_L and Q_R follow the eigenvectors of L ← β₂ L + (1 − β₂) G Gᵀ
    and R ← β₂ R + (1 − β₂) Gᵀ G by a power iteration, Q ← QR(P Q) with P = L or R, after each step whose number,
    counted from 0, is a multiple of `frequency`. A block of more dimensions, such as a convolution, is a matrix whose
    rows are its first dimension. Blocks of fewer take the steps of AdamW.

    Source: Vyas et al. (2024), SOAP: Improving and Stabilizing Shampoo using Adam, algorithms 3 and 4,
    arXiv:2409.11321. The defaults are those of its code, https://github.com/nikhilvyas/SOAP.
    Deviation: Q is the identity at first, and P + δ I replaces P, where δ is the mean eigenvalue of P times the root of
    the machine precision. Rounding would decide on the eigenvectors of eigenvalue 0 otherwise, which P has in the first
    steps unless the matrix is square. The code, and `pytorch_optimizer.SOAP`, compute eigenvectors in the first step,
    which they skip, sort Q and V by eigenvalues before each QR, compute QR in float32, and add ε to the root of V.
    """
    check_frequency(frequency)
    base = adamw(learning_rate, beta1, beta2, epsilon, weight_decay)
    blocks = MatrixBlocks(layout)
    if not blocks.shapes:
        return base

    def init(theta: Tensor) -> SoapState:
        identities = blocks.identities(theta)
        return SoapState(*base.init(theta), torch.zeros_like(identities), identities)

    def update(oracle: Oracle, state: SoapState, theta: Tensor) -> tuple[Tensor, SoapState]:
        is_due = oracle.step % frequency == 0
        g, bases = oracle.gradient, blocks.factors(state.bases)
        into = [(left.mT, right) for left, right in bases]
        back = [(left, right.mT) for left, right in bases]
        m = beta1 * state.first_moment + (1 - beta1) * g
        v = beta2 * state.second_moment + (1 - beta2) * blocks.multiply(into, g).square()
        correction1 = beta1 * state.first_correction + (1 - beta1)
        correction2 = beta2 * state.second_correction + (1 - beta2)
        direction = blocks.multiply(into, m / correction1) / ((v / correction2).sqrt() + epsilon)
        theta = theta - learning_rate * (blocks.multiply(back, direction) + weight_decay * theta)
        outer = outer_products(blocks.matrices(blocks.split(g)[0]))
        statistics = beta2 * state.statistics + (1 - beta2) * outer
        pairs = zip(blocks.factors(statistics), bases, strict=True)
        new_bases = flatten(_power_iteration(*each) for pair in pairs for each in zip(*pair, strict=True))
        new_bases = torch.where(is_due, new_bases, state.bases)
        return theta, SoapState(m, v, correction1, correction2, statistics, new_bases)

    return Optimizer(init=init, update=update)


def _power_iteration(statistic: Tensor, basis: Tensor) -> Tensor:
    """Return a basis whose vectors are nearer to the eigenvectors of a positive semidefinite matrix."""
    mean_eigenvalue = statistic.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
    shift = torch.finfo(statistic.dtype).eps ** 0.5 * mean_eigenvalue
    new_basis: Tensor = torch.linalg.qr(statistic @ basis + shift * basis).Q
    return new_basis
