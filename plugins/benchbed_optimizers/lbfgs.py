"""L-BFGS with a line search (Nocedal 1980; Liu & Nocedal 1989)."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.line_search import SUFFICIENT_DECREASE, wolfe_search


class LbfgsState(NamedTuple):
    """The last steps s with the differences y of their gradients, the newest first, and the first approximation."""

    steps: Tensor
    """`[..., memory, dimension]`."""
    differences: Tensor
    """`[..., memory, dimension]`."""
    inverse_curvatures: Tensor
    """ρ = 1 / sᵀy, 0 for a pair that is not there: `[..., memory]`."""
    scale: Tensor
    """γ of the first approximation γ I of the inverse Hessian, 0 before the first step: `[..., 1]`."""


def lbfgs(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1.0,
    curvature: Annotated[Hyperparameter, OneMinusLogUniform(0.05, 0.95)] = 0.9,
    memory: int = 10,
    trials: int = 5,
) -> Optimizer[LbfgsState]:
    """Build L-BFGS: θ ← θ − α H g, with an approximation H of the inverse Hessian from the last `memory` steps.

    H is the BFGS update H ← (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ for each of these steps s, with the difference y of
    its gradients and ρ = 1 / sᵀy, from H = γ I with γ = sᵀy / yᵀy of the last step. The length α has the strong Wolfe
    conditions with c₂ = `curvature`, and is found in at most `trials` trials, the first of which is α = 1. Each trial
    costs a gradient over all samples, without noise, so that a step costs two or more.

    Before the first step γ is `learning_rate` · min(1, 1 / ‖g‖₁), as in `torch.optim.LBFGS`; the rate has no other use.
    A pair without positive curvature is not kept: sᵀy must exceed ε yᵀy with the rounding error ε of the type, as in
    SciPy's L-BFGS-B. If no trial decreases the loss enough, θ rests, and the next step follows the gradient from the
    length at which the search ended.

    Source: Nocedal & Wright (2006), Numerical Optimization, algorithms 7.4 and 7.5, with c₂ = 0.9,
    https://doi.org/10.1007/978-0-387-40065-5; Liu & Nocedal (1989), On the limited memory BFGS method for large scale
    optimization, https://doi.org/10.1007/BF01589116. The default memory is that of SciPy.
    Deviation: gradients are evaluated again at the accepted point, where other programs keep them.
    """
    for name, number in {"memory": memory, "trials": trials}.items():
        if number < 1:
            raise ValueError(f"{name} is {number}; must be at least 1")
    if isinstance(curvature, int | float) and curvature <= SUFFICIENT_DECREASE:
        raise ValueError(f"curvature is {curvature:g}; must be above {SUFFICIENT_DECREASE:g} and below 1")

    def init(theta: Tensor) -> LbfgsState:
        pairs = theta.unsqueeze(-2).expand(*theta.shape[:-1], memory, theta.shape[-1])
        return LbfgsState(
            torch.zeros_like(pairs),
            torch.zeros_like(pairs),
            torch.zeros_like(pairs[..., 0]),
            torch.zeros_like(theta[..., :1]),
        )

    def update(oracle: Oracle, state: LbfgsState, theta: Tensor) -> tuple[Tensor, LbfgsState]:
        g = oracle.gradient
        first = learning_rate / g.abs().sum(-1, keepdim=True).clamp_min(1.0)
        state = state._replace(scale=torch.where(state.scale == 0, first, state.scale))
        direction = -multiply_inverse_hessian(state, g)
        search = wolfe_search(oracle, theta, direction, curvature, trials)
        step = search.length * direction
        after = remember(state, step, search.gradient - g)
        rests = search.length == 0
        norms = direction.norm(dim=-1, keepdim=True), g.norm(dim=-1, keepdim=True)
        shorter = torch.where(norms[1] > 0, search.next_length * norms[0] / norms[1], state.scale)
        return theta + step, after._replace(
            inverse_curvatures=torch.where(rests, 0.0, after.inverse_curvatures),
            scale=torch.where(rests, shorter, after.scale),
        )

    return Optimizer(init=init, update=update, full_batch=True, needs_exact_gradients=True)


def multiply_inverse_hessian(state: LbfgsState, vector: Tensor) -> Tensor:
    """Return H times `vector: [..., dimension]` by the two loops of algorithm 7.4."""
    pairs = list(
        zip(
            state.steps.unbind(-2),
            state.differences.unbind(-2),
            state.inverse_curvatures.split(1, -1),
            strict=True,
        )
    )
    factors = []
    for s, y, rho in pairs:
        factors.append(rho * (s * vector).sum(-1, keepdim=True))
        vector = vector - factors[-1] * y
    vector = state.scale * vector
    for (s, y, rho), factor in zip(reversed(pairs), reversed(factors), strict=True):
        vector = vector + (factor - rho * (y * vector).sum(-1, keepdim=True)) * s
    return vector


def remember(state: LbfgsState, step: Tensor, difference: Tensor) -> LbfgsState:
    """Put a pair, each `[..., dimension]`, in the place of the oldest one, where its curvature is positive."""
    product = (step * difference).sum(-1, keepdim=True)
    squared_norm = difference.square().sum(-1, keepdim=True)
    is_curved = product > torch.finfo(step.dtype).eps * squared_norm

    def push(memory: Tensor, newest: Tensor, dim: int) -> Tensor:
        return torch.cat([newest, memory.narrow(dim, 0, memory.shape[dim] - 1)], dim=dim)

    is_curved_pair = is_curved.unsqueeze(-1)
    return LbfgsState(
        torch.where(is_curved_pair, push(state.steps, step.unsqueeze(-2), -2), state.steps),
        torch.where(is_curved_pair, push(state.differences, difference.unsqueeze(-2), -2), state.differences),
        torch.where(is_curved, push(state.inverse_curvatures, 1 / product, -1), state.inverse_curvatures),
        torch.where(is_curved, product / squared_norm, state.scale),
    )
