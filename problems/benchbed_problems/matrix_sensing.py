"""Recovery of a low-rank matrix from random measurements: the spectrum of the matrix sets the pace."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, take_samples, target_ladder
from benchbed_problems.batches import MiniBatchProblem
from benchbed_problems.quadratic_forms import random_rotation

DATA_SEED = 0


class Measurements(NamedTuple):
    """Matrices A, `[samples, size²]`, their values y, `[samples, 1]`, and the true factors, `[2 · size · rank]`."""

    matrices: Tensor
    values: Tensor
    truth: Tensor


@dataclass(frozen=True)
class MatrixSensing(MiniBatchProblem):
    """Recovery of a matrix M of low rank from y = ⟨A, M⟩: L(θ) = ½ mean (⟨A, L Rᵀ⟩ − y)² over θ = (L, R).

    It isolates the spectrum: gradient descent on the factors needs steps in proportion to the condition number of M,
    and preconditioned methods need not. M is `size` × `size` with `rank` singular values, logarithmically spaced from
    1 down to 1 / `condition`. The `samples` matrices A are standard normal. Both are drawn once for all instances. A
    trial starts at normal factors of standard deviation 0.1 and draws `batch_size` measurements for each step, with
    replacement. The optimum is 0.

    Source: Tong, Ma and Chi (2021), Accelerating Ill-Conditioned Low-Rank Matrix Estimation via Scaled Gradient
    Descent, section 2, arXiv:2005.08898.
    Deviation: the random start, so that trials differ; the paper starts from a spectral estimate.
    """

    condition: float = 10.0
    size: int = 20
    rank: int = 5
    samples: int = 600
    batch_size: int = 32

    group = "spectrum"

    def __post_init__(self) -> None:
        """Raise ValueError for a condition below 1, or a rank that does not fit the size."""
        super().__post_init__()
        if not 1 <= self.condition < float("inf"):
            raise ValueError(f"condition is {self.condition}; must be a finite number of at least 1")
        if not 1 <= self.rank <= self.size:
            raise ValueError(f"rank is {self.rank}; must be between 1 and the size, {self.size}")

    @property
    def layout(self) -> Layout:
        """The factors L and R."""
        return Layout({"left": (self.size, self.rank), "right": (self.size, self.rank)})

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻⁴, the share of the least singular value at the condition 100."""
        return target_ladder(0.5)

    @property
    def workspace(self) -> int:
        """The product of the factors, residuals and their gradients."""
        return 8 * (self.size**2 + self.samples)

    def make_start(self, generator: Generator) -> Tensor:
        """Draw from N(0, 0.1²): `[2 · size · rank]`."""
        return 0.1 * torch.randn(self.layout.dimension, generator=generator, dtype=torch.float64)

    def shared_data(self) -> Measurements:
        """Draw the singular vectors of M and the measuring matrices from a fixed seed."""
        generator = Generator().manual_seed(DATA_SEED)
        left, right = (random_rotation(generator, self.size)[:, : self.rank] for _ in range(2))
        exponents = torch.arange(self.rank, dtype=torch.float64) / max(self.rank - 1, 1)
        roots = self.condition ** (-exponents / 2)
        truth = torch.cat([(left * roots).flatten(), (right * roots).flatten()])
        matrices = torch.randn(self.samples, self.size**2, generator=generator, dtype=torch.float64)
        return Measurements(matrices, (matrices @ self._product(truth)).unsqueeze(-1), truth)

    def loss(self, theta: Tensor, data: Measurements, draw: Tensor) -> Tensor:
        """Compute ½ the mean squared residual of a mini-batch: `[...]`."""
        return self._half_mean_square(
            theta, take_samples(data.matrices, draw), take_samples(data.values, draw)
        )

    def objective(self, theta: Tensor, data: Measurements) -> Tensor:
        """Compute ½ the mean squared residual of all measurements: `[...]`."""
        return self._half_mean_square(theta, data.matrices, data.values)

    def optimum(self, data: Measurements) -> Tensor:
        """Return 0."""
        return torch.zeros_like(data.values[0, 0])

    def minimizer(self, data: Measurements) -> Tensor:
        """Return the true factors: `[2 · size · rank]`."""
        return data.truth

    def _product(self, theta: Tensor) -> Tensor:
        """Compute L Rᵀ, row by row: `[..., size²]`."""
        views = self.layout.views(theta)
        return (views["left"] @ views["right"].mT).flatten(-2)

    def _half_mean_square(self, theta: Tensor, matrices: Tensor, values: Tensor) -> Tensor:
        predicted = torch.einsum("...sm,...m->...s", matrices, self._product(theta))
        return 0.5 * (predicted - values.squeeze(-1)).square().mean(-1)
