"""A problem whose minimum is moved."""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from benchbed.interfaces import TransformedProblem
from benchbed_problems.transforms.sharing import is_shared


@dataclass(frozen=True)
class Shifted(TransformedProblem):
    """Move the problem: f(φ − s), with s normal of standard deviation `deviation` in each coordinate.

    Start and minimizer move by s, and distances and losses stay. It separates methods that do not depend on the origin
    from those that pull to it, such as weight decay. Each instance has a shift of its own up to 256 coordinates; above,
    and with a `seed`, all instances share one.

    Source: shifts against a bias to the origin: Hansen et al. (2009), Real-Parameter Black-Box Optimization
    Benchmarking 2009: Noiseless Functions Definitions, section 0.2, https://inria.hal.science/inria-00362633.
    """

    deviation: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a deviation that moves nothing."""
        super().__post_init__()
        if not 0 < self.deviation < math.inf:
            raise ValueError(
                f"deviation is {self.deviation}; must be a standard deviation, a finite number above 0"
            )

    def make_own(self, generator: Generator) -> Tensor:
        """Draw s: `[dimension]`."""
        normal = torch.randn(self.problem.layout.dimension, generator=generator, dtype=torch.float64)
        return self.deviation * normal

    def shared_own(self) -> Tensor | None:
        """Draw the shift that all instances share, if they do."""
        if not is_shared(self.problem, self.seed):
            return None
        return self.make_own(Generator().manual_seed(self.seed or 0))

    def to_original(self, theta: Tensor, own: Tensor) -> Tensor:
        """Compute φ − s: `[..., dimension]`."""
        return theta - own

    def from_original(self, theta: Tensor, own: Tensor) -> Tensor:
        """Compute θ + s: `[..., dimension]`."""
        return theta + own
