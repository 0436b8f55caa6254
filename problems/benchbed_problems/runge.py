"""Least squares on Runge's function: a polynomial fit, as ill-conditioned as its basis."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, Metric, Problem
from benchbed_problems.noise import check_noise
from benchbed_problems.starts import check_start, given_start

TEST_SAMPLES = 200
SAFE_MONOMIALS = 16
"""Monomials up to which rounding leaves a least-squares solution on the optimum."""


class Samples(NamedTuple):
    """Training z and y, `[..., samples]`, their design, `[..., samples, features]`, and a test set."""

    z: Tensor
    design: Tensor
    y: Tensor
    test_z: Tensor
    test_y: Tensor


@dataclass(frozen=True)
class Runge(Problem):
    """Minimize ½ mean (Xθ − y)², with y = 1/(1 + 25z²) + noise and X the first `features` polynomials in z.

    z is uniform on [−1, 1], drawn for each instance, as are the noise of standard deviation
    `observation_noise` and 200 test points with the same noise. The `basis` is 1, z, z², … or Chebyshev's T₀,
    T₁, T₂, …, fitted to `samples` points; the intercept counts as a feature. The start is 0 (`start`: a
    number or a list). With `features` ≥ `samples` the optimum is 0: the polynomial interpolates.

    Source: the course's noisy Runge regression; the function: Runge (1901), Über empirische Funktionen und
    die Interpolation zwischen äquidistanten Ordinaten, Zeitschrift für Mathematik und Physik 46, 224–243.
    """

    features: int = 10
    samples: int = 20
    observation_noise: float = 0.1
    basis: Literal["monomial", "chebyshev"] = "monomial"
    start: float | tuple[float, ...] = 0.0

    budget = 10_000

    def __post_init__(self) -> None:
        """Raise ValueError for an empty fit, a start of another dimension, or impossible noise."""
        if self.features < 1:
            raise ValueError(f"features is {self.features}; give at least 1, the intercept")
        if self.samples < 1:
            raise ValueError(f"samples is {self.samples}; give at least 1")
        check_noise("observation_noise", self.observation_noise)
        check_start(self.start, self.features)

    @property
    def layout(self) -> Layout:
        """The coefficients, intercept first."""
        return Layout({"coefficients": (self.features,)})

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """`test-loss`: ½ mean squared error on the test set."""
        return {"test-loss": self._test_loss}

    def make_start(self, generator: Generator) -> Tensor:
        """Give `start`, `[features]`."""
        return given_start(self.start, self.features)

    def make_data(self, generator: Generator) -> Samples:
        """Draw a training and a test set."""
        z, y = self._draw(generator, self.samples)
        test_z, test_y = self._draw(generator, TEST_SAMPLES)
        return Samples(z, self._design(z), y, test_z, test_y)

    def _draw(self, generator: Generator, count: int) -> tuple[Tensor, Tensor]:
        z = 2 * torch.rand(count, generator=generator, dtype=torch.float64) - 1
        noise = self.observation_noise * torch.randn(count, generator=generator, dtype=torch.float64)
        return z, 1 / (1 + 25 * z.square()) + noise

    def _design(self, z: Tensor) -> Tensor:
        return chebyshev(z, self.features) if self.basis == "chebyshev" else monomials(z, self.features)

    def objective(self, theta: Tensor, data: Samples) -> Tensor:
        """Give ½ mean (Xθ − y)², `[...]`."""
        return _half_mean_square(_predict(data.design, theta) - data.y)

    def _test_loss(self, theta: Tensor, data: Samples) -> Tensor:
        return _half_mean_square(_predict(self._design(data.test_z), theta) - data.test_y)

    def optimum(self, data: Samples) -> Tensor:
        """Give the least-squares value, `[...]`, by QR in the Chebyshev basis; 0 if `features` ≥ `samples`.

        Both bases span the same polynomials, but only Chebyshev's is well-conditioned enough to trust.
        """
        if self.features >= self.samples:
            return torch.zeros_like(data.y[..., 0])
        q, _ = torch.linalg.qr(chebyshev(data.z, self.features))
        return _half_mean_square(data.y - _predict(q, _predict(q.mT, data.y)))

    def minimizer(self, data: Samples) -> Tensor | None:
        """Give the least-squares coefficients of least norm, `[..., features]`.

        None for many monomials: their coefficients are so large that rounding alone misses the optimum.
        """
        if self.basis == "monomial" and self.features > SAFE_MONOMIALS:
            return None
        solution: Tensor = torch.linalg.lstsq(data.design, data.y.unsqueeze(-1), driver="gels").solution
        return solution.squeeze(-1)


def monomials(z: Tensor, count: int) -> Tensor:
    """Give 1, z, …, z^(count−1): `[...]` in, `[..., count]` out."""
    return z.unsqueeze(-1) ** torch.arange(count, dtype=z.dtype, device=z.device)


def chebyshev(z: Tensor, count: int) -> Tensor:
    """Give T₀(z), …, T_(count−1)(z) as cos(n arccos z), |z| ≤ 1: `[...]` in, `[..., count]` out."""
    return torch.cos(
        z.clamp(-1, 1).arccos().unsqueeze(-1) * torch.arange(count, dtype=z.dtype, device=z.device)
    )


def _predict(design: Tensor, theta: Tensor) -> Tensor:
    # einsum, unlike matmul, contracts a design that all settings share without copying it for each of them
    return torch.einsum("...if,...f->...i", design, theta)


def _half_mean_square(residual: Tensor) -> Tensor:
    return 0.5 * residual.square().mean(-1)
