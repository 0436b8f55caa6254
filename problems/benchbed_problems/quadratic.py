"""An anisotropic quadratic: the simplest problem on which a single learning rate is a compromise."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout
from benchbed_problems.noise import NoisyProblem, check_noise
from benchbed_problems.quadratic_forms import QuadraticForm, random_rotation
from benchbed_problems.starts import Start, check_start, fixed_start


class Spectrum(NamedTuple):
    """The diagonal of Λ, `[dimension]`, the same for all instances."""

    eigenvalues: Tensor


@dataclass(frozen=True)
class Quadratic(NoisyProblem):
    """Quadratic L(θ) = ½ (Qz)ᵀ Λ (Qz), z = θ − m, Λ = diag(eigenvalues), Q the identity or, if `rotated`, random.

    Either `eigenvalues` lists the diagonal, or it is logarithmically spaced from 1 to `condition_number` (default
    100) in `dimension` (default 2) coordinates: diag(1, 100) by default. Q is uniform over the orthogonal matrices.
    The minimizer m is the origin or, with a `minimizer_deviation`, normal with this standard deviation. `start` fixes
    the start (a number or a list); by default it is normal with standard deviation 2. The stochastic gradient is the
    exact one plus normal noise of standard deviation `gradient_noise` per coordinate. The optimum is 0.

    Source: the course's anisotropic quadratic, Λ = diag(1, 100), θ₀ = (2, 2).
    """

    eigenvalues: tuple[float, ...] | None = None
    dimension: int | None = None
    condition_number: float | None = None
    rotated: bool = False
    start: Start = None
    gradient_noise: float = 0.0
    minimizer_deviation: float = 0.0

    group = "geometry"

    def __post_init__(self) -> None:
        """Raise ValueError unless the parameters describe a convex quadratic."""
        super().__post_init__()
        if self.eigenvalues is not None:
            self._check_eigenvalues(self.eigenvalues)
        if self.dimension is not None and self.dimension < 1:
            raise ValueError(f"dimension is {self.dimension}; must be at least 1")
        if self.condition_number is not None and not 1 <= self.condition_number < math.inf:
            raise ValueError(
                f"condition_number is {self.condition_number}; must be a finite number of at least 1"
            )
        if self.dimension == 1 and self.condition_number not in {None, 1}:
            raise ValueError(
                f"condition_number is {self.condition_number}, but must be 1 in dimension 1; choose a larger dimension"
            )
        check_start(self.start, self.layout.dimension)
        check_noise("minimizer_deviation", self.minimizer_deviation)

    def _check_eigenvalues(self, eigenvalues: tuple[float, ...]) -> None:
        if self.dimension is not None or self.condition_number is not None:
            raise ValueError(
                "eigenvalues excludes dimension and condition_number; choose one of the two forms"
            )
        if not eigenvalues or not all(0 < value < math.inf for value in eigenvalues):
            raise ValueError(
                f"eigenvalues is {list(eigenvalues)}; must be finite numbers above 0, for example [1, 100]"
            )

    @property
    def spectrum(self) -> tuple[float, ...]:
        """The diagonal of Λ."""
        if self.eigenvalues is not None:
            return self.eigenvalues
        size = 2 if self.dimension is None else self.dimension
        largest = 100.0 if self.condition_number is None else self.condition_number
        return tuple(largest ** (index / max(size - 1, 1)) for index in range(size))

    @property
    def layout(self) -> Layout:
        """One block of all coordinates."""
        return Layout({"theta": (len(self.spectrum),)})

    def make_start(self, generator: Generator) -> Tensor:
        """Return `start`, or draw from N(0, 2²): `[dimension]`."""
        if self.start is not None:
            return fixed_start(self.start, self.layout.dimension)
        return 2 * torch.randn(self.layout.dimension, generator=generator, dtype=torch.float64)

    def make_data(self, generator: Generator) -> QuadraticForm | None:
        """Draw Q, if `rotated`, and m, if it is not the origin."""
        if self._is_shared:
            return None
        size = self.layout.dimension
        identity = torch.eye(size, dtype=torch.float64)
        basis = random_rotation(generator, size) if self.rotated else identity
        minimizer = self.minimizer_deviation * torch.randn(size, generator=generator, dtype=torch.float64)
        return QuadraticForm(self._eigenvalues(), basis, minimizer)

    def shared_data(self) -> Spectrum | None:
        """Return the eigenvalues, or None if instances differ."""
        return Spectrum(self._eigenvalues()) if self._is_shared else None

    def objective(self, theta: Tensor, data: Spectrum | QuadraticForm) -> Tensor:
        """Compute ½ (Qz)ᵀ Λ (Qz): `[...]`."""
        if isinstance(data, QuadraticForm):
            return data.value(theta)
        return 0.5 * (data.eigenvalues * theta.square()).sum(-1)

    def optimum(self, data: Spectrum | QuadraticForm) -> Tensor:
        """Return 0."""
        return torch.zeros_like(data.eigenvalues[..., 0])

    def minimizer(self, data: Spectrum | QuadraticForm) -> Tensor:
        """Return m: `[..., dimension]`."""
        return data.minimizer if isinstance(data, QuadraticForm) else torch.zeros_like(data.eigenvalues)

    @property
    def _is_shared(self) -> bool:
        return not (self.rotated or self.minimizer_deviation)

    def _eigenvalues(self) -> Tensor:
        return torch.tensor(self.spectrum, dtype=torch.float64)
