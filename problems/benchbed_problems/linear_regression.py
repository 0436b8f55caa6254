"""Linear regression in one variable: two parameters, one minimum, a solution in closed form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, Metric, Problem
from benchbed_problems.noise import check_noise
from benchbed_problems.starts import Start, check_start, fixed_start

TRUE_WEIGHT = 2.0
TRUE_BIAS = 1.0


class Observations(NamedTuple):
    """The points x and y, each `[..., samples]`."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class LinearRegression(Problem):
    """Least squares for a line: L(θ) = ½ mean (w x + b − y)² over θ = (w, b), with y = 2x + 1 + noise.

    The `samples` points are drawn for each instance: x is standard normal, the noise normal with standard
    deviation `observation_noise`. `start` fixes the start (a number or a list, w first); by default it is
    standard normal. Every step uses all samples. The optimum is the least-squares solution.

    Source: the course's linear regression, loss (1/2I) Σ (f(xᵢ) − yᵢ)², η = 0.01, 100 steps.
    Deviation: the course does not fix the data. Here the true parameters, the distribution of x and the noise
    make the curvature about 1 in both directions, so that w and b are learned equally fast.
    """

    samples: int = 100
    observation_noise: float = 0.5
    start: Start = None

    group = "geometry"

    def __post_init__(self) -> None:
        """Raise ValueError for too few points, a start of another dimension, or negative noise."""
        if self.samples < 2:
            raise ValueError(
                f"samples is {self.samples}; must be at least 2, because a line needs two points"
            )
        check_noise("observation_noise", self.observation_noise)
        check_start(self.start, self.layout.dimension)

    @property
    def layout(self) -> Layout:
        """The slope w, then the intercept b."""
        return Layout({"weight": (), "bias": ()})

    @property
    def workspace(self) -> int:
        """Prediction, residual and squared residual of all samples, forward and backward."""
        return 6 * self.samples

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """`test-loss`: the expected loss on new points, in closed form."""
        return {"test-loss": self._test_loss}

    def make_start(self, generator: Generator) -> Tensor:
        """Return `start`, or draw from N(0, 1): `[2]`."""
        if self.start is not None:
            return fixed_start(self.start, self.layout.dimension)
        return torch.randn(self.layout.dimension, generator=generator, dtype=torch.float64)

    def make_data(self, generator: Generator) -> Observations:
        """Draw x, then the noise in y."""
        x = torch.randn(self.samples, generator=generator, dtype=torch.float64)
        noise = torch.randn(self.samples, generator=generator, dtype=torch.float64)
        return Observations(x, TRUE_WEIGHT * x + TRUE_BIAS + self.observation_noise * noise)

    def objective(self, theta: Tensor, data: Observations) -> Tensor:
        """Compute ½ mean (w x + b − y)²: `[...]`."""
        residual = theta[..., :1] * data.x + theta[..., 1:] - data.y
        return 0.5 * residual.square().mean(-1)

    def optimum(self, data: Observations) -> Tensor:
        """Compute the least-squares value: `[...]`."""
        return self.objective(self.minimizer(data), data)

    def minimizer(self, data: Observations) -> Tensor:
        """Compute the least-squares line (XᵀX)⁻¹ Xᵀy with X = (x, 1), by a QR decomposition: `[..., 2]`."""
        design = torch.stack([data.x, torch.ones_like(data.x)], dim=-1)
        solution: Tensor = torch.linalg.lstsq(design, data.y.unsqueeze(-1), driver="gels").solution
        return solution.squeeze(-1)

    def _test_loss(self, theta: Tensor, data: Observations) -> Tensor:
        # E ½ (w x + b − y)² for a standard normal x; a test set would only add noise.
        truth = theta.new_tensor([TRUE_WEIGHT, TRUE_BIAS])
        return 0.5 * ((theta - truth).square().sum(-1) + self.observation_noise**2)
