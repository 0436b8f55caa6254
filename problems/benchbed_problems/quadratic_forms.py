"""Quadratics ½ Σ λ (Q(θ − m))² with a random basis Q and a random minimizer m."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor


class QuadraticForm(NamedTuple):
    """Eigenvalues and minimizer, `[..., dimension]`, and the basis Q, `[..., dimension, dimension]`."""

    eigenvalues: Tensor
    basis: Tensor
    minimizer: Tensor

    def coordinates(self, theta: Tensor) -> Tensor:
        """Compute Q(θ − m), in which the Hessian is diagonal: `[..., dimension]`."""
        return torch.einsum("...ij,...j->...i", self.basis, theta - self.minimizer)

    def value(self, theta: Tensor) -> Tensor:
        """Compute ½ Σ λ (Q(θ − m))²: `[...]`."""
        return 0.5 * (self.eigenvalues * self.coordinates(theta).square()).sum(-1)


def signed_distances(generator: Generator, dimension: int) -> Tensor:
    """Draw a point at distance 1 from the minimizer along every eigenvector, on a random side: `[dimension]`."""
    return 2.0 * torch.randint(2, (dimension,), generator=generator, dtype=torch.float64) - 1


def random_rotation(generator: Generator, dimension: int) -> Tensor:
    """Draw a matrix uniformly from the orthogonal ones: `[dimension, dimension]`.

    Source: Mezzadri (2007), How to generate random matrices from the classical compact groups, section 5,
    arXiv:math-ph/0609050.
    """
    q, r = torch.linalg.qr(torch.randn(dimension, dimension, generator=generator, dtype=torch.float64))
    # Without these signs Q would depend on the convention of the factorization and not be uniform.
    rotation: Tensor = q * r.diagonal().sign()
    return rotation
