"""Sign descent (Bernstein et al. 2018)."""

from typing import Annotated

from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, Optimizer, Oracle
from benchbed_optimizers.sgd import NoState


def signsgd(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
) -> Optimizer[NoState]:
    """Build sign descent: θ ← θ − η sign(g).

    Source: Bernstein et al. (2018), signSGD: Compressed Optimisation for Non-Convex Problems, algorithm 1,
    arXiv:1802.04434. The default η is that of `adam`, whose steps have this length at first.
    """

    def update(oracle: Oracle, state: NoState, theta: Tensor) -> tuple[Tensor, NoState]:
        return theta - learning_rate * oracle.gradient.sign(), state

    return Optimizer(init=lambda theta: NoState(), update=update)
