"""Polynomial least squares on Runge's function, ill-conditioned in the monomial basis."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, Metric, Problem, target_ladder
from benchbed_problems.noise import check_noise
from benchbed_problems.starts import check_start, fixed_start

TEST_SAMPLES = 200
SAFE_MONOMIALS = 16
"""Largest number of monomials for which the least-squares solution attains the optimum despite rounding."""


class RungeSamples(NamedTuple):
    """Training z and y, `[..., samples]`, their design matrix, `[..., samples, features]`, and a test set."""

    z: Tensor
    design: Tensor
    y: Tensor
    test_z: Tensor
    test_y: Tensor


@dataclass(frozen=True)
class Runge(Problem):
    """Polynomial fit L(θ) = ½ mean (Xθ − y)², with y = 1/(1 + 25z²) + noise and X the `features` first polynomials.

    Each instance draws `samples` points z, uniform on [−1, 1], noise of standard deviation `observation_noise`, and 200
    test points with the same noise. With `points` equispaced, training points are evenly spaced from −1 to 1 instead,
    with the same noise and test set, and interpolants oscillate at the ends. The `basis` is 1, z, z², … or Chebyshev's
    T₀, T₁, T₂, …; the intercept counts as a feature. `start` is a number or a list, by default 0. The optimum is the
    least-squares value; with `features` ≥ `samples` the polynomial interpolates and the optimum is 0.

    Source: the course's noisy Runge regression; the function: Runge (1901), Über empirische Funktionen und
    die Interpolation zwischen äquidistanten Ordinaten, Zeitschrift für Mathematik und Physik 46, 224–243.
    """

    features: int = 10
    samples: int = 20
    observation_noise: float = 0.1
    basis: Literal["monomial", "chebyshev"] = "monomial"
    points: Literal["uniform", "equispaced"] = "uniform"
    start: float | tuple[float, ...] = 0.0

    budget = 100_000
    preset_budgets: ClassVar[Mapping[str, int]] = {"quick": 1_000, "standard": 10_000}
    group = "geometry"

    def __post_init__(self) -> None:
        """Raise ValueError for an empty fit, a start of another dimension, or negative noise."""
        if self.features < 1:
            raise ValueError(f"features is {self.features}; must be at least 1, the intercept")
        if self.samples < 1:
            raise ValueError(f"samples is {self.samples}; must be at least 1")
        check_noise("observation_noise", self.observation_noise)
        check_start(self.start, self.features)

    @property
    def layout(self) -> Layout:
        """The coefficients, the intercept first."""
        return Layout({"coefficients": (self.features,)})

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻², because the last directions of monomials take millions of steps."""
        return target_ladder(0.25)

    @property
    def success_target(self) -> float:
        """10^−1.5, which some optimizers reach and others do not."""
        return self.targets[5]

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """`test-loss`: ½ mean squared error on the test set."""
        return {"test-loss": self._test_loss}

    def make_start(self, generator: Generator) -> Tensor:
        """Return `start`: `[features]`."""
        return fixed_start(self.start, self.features)

    def make_data(self, generator: Generator) -> RungeSamples:
        """Draw a training and a test set; equispaced points have the noise and the test set of uniform ones."""
        z, noise = self._draw(generator, self.samples)
        test_z, test_noise = self._draw(generator, TEST_SAMPLES)
        if self.points == "equispaced":
            z = torch.linspace(-1, 1, self.samples, dtype=torch.float64)
        return RungeSamples(z, self._design(z), runge(z) + noise, test_z, runge(test_z) + test_noise)

    def _draw(self, generator: Generator, count: int) -> tuple[Tensor, Tensor]:
        z = 2 * torch.rand(count, generator=generator, dtype=torch.float64) - 1
        return z, self.observation_noise * torch.randn(count, generator=generator, dtype=torch.float64)

    def _design(self, z: Tensor) -> Tensor:
        return chebyshev(z, self.features) if self.basis == "chebyshev" else monomials(z, self.features)

    def objective(self, theta: Tensor, data: RungeSamples) -> Tensor:
        """Compute ½ mean (Xθ − y)²: `[...]`."""
        return _half_mean_square(_predict(data.design, theta) - data.y)

    def _test_loss(self, theta: Tensor, data: RungeSamples) -> Tensor:
        return _half_mean_square(_predict(self._design(data.test_z), theta) - data.test_y)

    def optimum(self, data: RungeSamples) -> Tensor:
        """Compute the least-squares value by QR in the Chebyshev basis: `[...]`; 0 if `features` ≥ `samples`.

        Both bases span the same polynomials, but only Chebyshev's is well-conditioned.
        """
        if self.features >= self.samples:
            return torch.zeros_like(data.y[..., 0])
        q, _ = torch.linalg.qr(chebyshev(data.z, self.features))
        return _half_mean_square(data.y - _predict(q, _predict(q.mT, data.y)))

    def minimizer(self, data: RungeSamples) -> Tensor | None:
        """Compute the least-squares coefficients of least norm: `[..., features]`.

        None for many monomials, whose coefficients are so large that rounding misses the optimum.
        """
        if self.basis == "monomial" and self.features > SAFE_MONOMIALS:
            return None
        solution: Tensor = torch.linalg.lstsq(data.design, data.y.unsqueeze(-1), driver="gels").solution
        return solution.squeeze(-1)


def runge(z: Tensor) -> Tensor:
    """Compute 1/(1 + 25z²)."""
    return 1 / (1 + 25 * z.square())


def monomials(z: Tensor, count: int) -> Tensor:
    """Compute 1, z, …, z^(count−1) for `z: [...]`: `[..., count]`."""
    return z.unsqueeze(-1) ** torch.arange(count, dtype=z.dtype, device=z.device)


def chebyshev(z: Tensor, count: int) -> Tensor:
    """Compute T₀(z), …, T_(count−1)(z) as cos(n arccos z) for `z: [...]`, |z| ≤ 1: `[..., count]`."""
    return torch.cos(
        z.clamp(-1, 1).arccos().unsqueeze(-1) * torch.arange(count, dtype=z.dtype, device=z.device)
    )


def _predict(design: Tensor, theta: Tensor) -> Tensor:
    # Unlike matmul, einsum does not copy a design that all settings share.
    return torch.einsum("...if,...f->...i", design, theta)


def _half_mean_square(residual: Tensor) -> Tensor:
    return 0.5 * residual.square().mean(-1)
