"""Gradient descent on the full objective (Cauchy 1847)."""

from typing import Annotated

from benchbed.interfaces import Hyperparameter, LogUniform, Optimizer
from benchbed_optimizers.sgd import NoState, sgd


def gd(learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-2) -> Optimizer[NoState]:
    """Build gradient descent: θ ← θ − η g, with g the gradient over all samples, without noise.

    The update is that of `sgd`; on a problem without noise and mini-batches the two take the same path.
    `torch.optim.SGD(lr=η)` on the full objective takes it too.

    Source: Cauchy (1847), Méthode générale pour la résolution des systèmes d'équations simultanées,
    Comptes rendus 25, 536–538; with a constant step size: Nesterov (2018), Lectures on Convex Optimization,
    https://doi.org/10.1007/978-3-319-91578-4.
    """
    return sgd(learning_rate)._replace(full_batch=True)
