"""A network that solves Poisson's equation: ill-conditioned, so that accuracy needs curvature."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.linalg import vector_norm

from benchbed.interfaces import Layout, Metric, Problem
from benchbed_problems.networks import uniform

HIDDEN = 32
TEST_POINTS = 256


class Line(NamedTuple):
    """Collocation points x with the right-hand side f, and test points with the solution u, each `[points]`."""

    x: Tensor
    f: Tensor
    test_x: Tensor
    test_u: Tensor


@dataclass(frozen=True)
class PoissonPinn(Problem):
    """Physics-informed network for u'' = f on (0, 1) with u(0) = u(1) = 0 and the solution sin πx + ½ sin `waves` πx.

    It isolates accuracy: the second derivative in the loss is ill-conditioned, so that quasi-Newton methods come orders
    of magnitude closer than first-order ones. The network 1 → 32 → 32 → 1 with tanh is multiplied by x (1 − x), which
    satisfies the boundary conditions. The loss is ½ mean (u'' − f)² at `points` midpoints, times 1 / mean f². The
    targets are relative L² errors of the solution. Trials start at the initialization of `torch.nn.Linear`. The
    objective has the lower bound 0.

    Source: Rathore et al. (2024), Challenges in Training PINNs: A Loss Landscape Perspective, section 2,
    arXiv:2402.01868; the factor x (1 − x): Lagaris, Likas and Fotiadis (1998), Artificial Neural Networks for Solving
    Ordinary and Partial Differential Equations, section 3.
    """

    points: int = 64
    waves: int = 4

    group = "accuracy"
    optimum_is_bound = True
    scale_instances = 20
    target_metric = "relative-error"
    targets = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.003, 0.001)

    def __post_init__(self) -> None:
        """Raise ValueError for numbers below 1."""
        for name in ("points", "waves"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; must be at least 1")

    @property
    def layout(self) -> Layout:
        """Weights and biases of the three layers, as in `torch.nn.Linear`."""
        return Layout(
            {
                "weight1": (HIDDEN, 1),
                "bias1": (HIDDEN,),
                "weight2": (HIDDEN, HIDDEN),
                "bias2": (HIDDEN,),
                "weight3": (1, HIDDEN),
                "bias3": (1,),
            }
        )

    @property
    def workspace(self) -> int:
        """Values and two derivatives of both layers at all points, forward and backward."""
        return 24 * HIDDEN * max(self.points, TEST_POINTS)

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """`relative-error`: ‖network − u‖ / ‖u‖ at 256 test points."""
        return {"relative-error": self._relative_error}

    def make_start(self, generator: Generator) -> Tensor:
        """Draw weights and biases from U(−1/√fan_in, 1/√fan_in): `[1153]`."""
        parameters = []
        for name, shape in self.layout.blocks.items():
            bound = 1 / math.sqrt(1 if name.endswith("1") else HIDDEN)
            parameters.append(uniform(generator, bound, math.prod(shape)))
        return torch.cat(parameters)

    def shared_data(self) -> Line:
        """Place the midpoints of equal intervals."""
        x, test_x = (
            (torch.arange(count, dtype=torch.float64) + 0.5) / count for count in (self.points, TEST_POINTS)
        )
        curvature = -(torch.pi**2) * (
            (torch.pi * x).sin() + 0.5 * self.waves**2 * (self.waves * torch.pi * x).sin()
        )
        solution = (torch.pi * test_x).sin() + 0.5 * (self.waves * torch.pi * test_x).sin()
        return Line(x, curvature, test_x, solution)

    def objective(self, theta: Tensor, data: Line) -> Tensor:
        """Compute ½ mean (u'' − f)² / mean f²: `[...]`."""
        residual = self.solution(theta, data.x)[1] - data.f
        return 0.5 * residual.square().mean(-1) / data.f.square().mean()

    def optimum(self, data: Line) -> Tensor:
        """Return 0, a lower bound."""
        return torch.zeros_like(data.x[0])

    def solution(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Compute u and u'' at `x: [points]`: `[..., points]` each, by the chain rule through the layers."""
        views = self.layout.views(theta)
        slope = views["weight1"]
        value = (slope * x + views["bias1"].unsqueeze(-1)).tanh()
        # tanh' = 1 − tanh² and tanh'' = −2 tanh tanh'
        first = (1 - value.square()) * slope
        second = -2 * value * first * slope
        weight = views["weight2"]
        value = (weight @ value + views["bias2"].unsqueeze(-1)).tanh()
        inner_first, inner_second = weight @ first, weight @ second
        derivative = 1 - value.square()
        second = derivative * (inner_second - 2 * value * inner_first.square())
        first = derivative * inner_first
        n = (views["weight3"] @ value).squeeze(-2) + views["bias3"]
        n1, n2 = ((views["weight3"] @ each).squeeze(-2) for each in (first, second))
        boundary = x * (1 - x)
        return boundary * n, boundary * n2 + 2 * (1 - 2 * x) * n1 - 2 * n

    def _relative_error(self, theta: Tensor, data: Line) -> Tensor:
        difference = self.solution(theta, data.test_x)[0] - data.test_u
        error: Tensor = vector_norm(difference, dim=-1) / vector_norm(data.test_u)
        return error
