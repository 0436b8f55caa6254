"""Beale's function: a valley whose curvature falls along its way."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Data, Layout
from benchbed_problems.noise import NoisyProblem
from benchbed_problems.starts import Start, check_start, fixed_start


@dataclass(frozen=True)
class Beale(NoisyProblem):
    """Beale's function (1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)².

    It isolates the geometry of a valley with curvature that changes by orders of magnitude: near the minimum along the
    valley, and from the start to it. `start` fixes the start, such as the classical [1, 1]; by default it is uniform on
    [0, 2] × [−1, 1]. The stochastic gradient is the exact one plus normal noise of standard deviation `gradient_noise`
    per coordinate. The minimum is 0 at (3, ½).

    Source: Beale (1958), On an Iterative Method for Finding a Local Minimum of a Function of More than One Variable,
    Technical Report 25, Princeton University.
    """

    start: Start = None
    gradient_noise: float = 0.0

    group = "geometry"

    def __post_init__(self) -> None:
        """Raise ValueError for a start of another dimension, or negative noise."""
        super().__post_init__()
        check_start(self.start, 2)

    @property
    def layout(self) -> Layout:
        """The coordinates x and y."""
        return Layout({"point": (2,)})

    def make_start(self, generator: Generator) -> Tensor:
        """Return `start`, or draw from U([0, 2] × [−1, 1]): `[2]`."""
        if self.start is not None:
            return fixed_start(self.start, 2)
        return 2 * torch.rand(2, generator=generator, dtype=torch.float64) - torch.tensor([0.0, 1.0]).double()

    def objective(self, theta: Tensor, data: Data) -> Tensor:
        """Compute the sum of the three squares: `[...]`."""
        x, y = theta.unbind(-1)
        return (
            (1.5 - x * (1 - y)).square()
            + (2.25 - x * (1 - y**2)).square()
            + (2.625 - x * (1 - y**3)).square()
        )

    def optimum(self, data: Data) -> Tensor:
        """Return 0."""
        return torch.zeros((), dtype=torch.float64)

    def minimizer(self, data: Data) -> Tensor:
        """Return (3, ½): `[2]`."""
        return torch.tensor([3.0, 0.5], dtype=torch.float64)
