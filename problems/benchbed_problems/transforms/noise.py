"""A problem with additional gradient noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Data, Problem, TransformedProblem, target_ladder
from benchbed_problems.noise import add_noise, make_noise


class NoisyStep(NamedTuple):
    """The draws of one step, or of several."""

    draw: Data
    """Those of the original problem."""
    noise: Tensor | None
    """ε: `[..., dimension]`."""


@dataclass(frozen=True)
class Noisy(TransformedProblem):
    """Add noise to the gradient: f(θ) + ε · θ, with ε of mean 0 and standard deviation `sd` in each coordinate.

    ε is drawn anew in each step, independently in each coordinate: normal, or with `tail=student` by Student's t
    distribution with ν = `freedom` degrees, times √((ν − 2)/ν), so that the standard deviation is `sd` for every ν. It
    separates methods that average or clip gradients from those that follow each one. The noise is a term of the loss,
    so that loss and gradient agree; the objective has none. Gaps are measured down to 10⁻⁴, as on other problems with
    noise, and a full gradient has no price.

    Source: t distribution: Bailey (1994), Polar generation of random variates with the t-distribution,
    https://doi.org/10.1090/S0025-5718-1994-1203731-0; heavy tails in training: Zhang et al. (2020), Why are Adaptive
    Methods Good for Attention Models?, arXiv:1912.03194.
    """

    sd: float = 0.1
    tail: Literal["gaussian", "student"] = "gaussian"
    freedom: float = 3.0

    def __post_init__(self) -> None:
        """Raise ValueError for noise without a standard deviation above 0."""
        super().__post_init__()
        if not 0 < self.sd < math.inf:
            raise ValueError(f"sd is {self.sd}; must be a standard deviation, a finite number above 0")
        if self.freedom <= 2:
            raise ValueError(
                f"freedom is {self.freedom}; must be above 2, because the variance would be infinite"
            )
        if self.tail == "gaussian" and self.freedom != type(self).freedom:
            raise ValueError("freedom has no effect with tail=gaussian; write tail=student, or leave it out")

    @property
    def targets(self) -> Sequence[float]:
        """Those of the original problem, but no gaps below 10⁻⁴."""
        original = self.inner.targets
        is_low = not self.inner.target_metric and original[-1] < 1e-4
        return target_ladder(0.5) if is_low else original

    @property
    def success_target(self) -> float:
        """That of the original problem, or that of the targets if they differ."""
        is_changed = self.targets != self.inner.targets
        success: float = Problem.success_target.fget(self) if is_changed else self.inner.success_target  # type: ignore[attr-defined]  # a property
        return success

    @property
    def full_price(self) -> None:
        """No number of samples yields the exact gradient."""
        return

    def make_draws(self, generator: Generator, steps: int) -> NoisyStep:
        """Draw what the original problem draws, and then ε."""
        draw, dimension = self.inner.make_draws(generator, steps), self.layout.dimension
        if self.tail == "gaussian":
            noise = make_noise(generator, steps, dimension, self.sd)
            return NoisyStep(draw, noise)
        radius, angle = torch.rand(2, steps, dimension, generator=generator, dtype=torch.float64)
        squared = (1 - radius) ** (-2 / self.freedom) - 1  # of numbers in (0, 1], so that it is finite
        student = (self.freedom * squared).sqrt() * (2 * torch.pi * angle).cos()
        return NoisyStep(draw, self.sd * ((self.freedom - 2) / self.freedom) ** 0.5 * student)

    def loss(self, theta: Tensor, data: Data, draw: NoisyStep) -> Tensor:
        """Compute the loss of the original problem plus ε · θ: `[...]`."""
        return add_noise(self.inner.loss(theta, data, draw.draw), theta, draw.noise)

    def next_buffers(self, theta: Tensor, data: Data, draw: NoisyStep | None) -> Data:
        """Return the buffers of the original problem after a step."""
        return super().next_buffers(theta, data, None if draw is None else draw.draw)
