"""The mean of a large sample, found by gradient descent on mini-batches."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout
from benchbed_problems.batches import MiniBatchProblem
from benchbed_problems.starts import check_start, fixed_start

DATA_SEED = 0
TRUE_MEAN = 2.0
TRUE_DEVIATION = 0.5


class ToySample(NamedTuple):
    """The observations, `[samples]`."""

    y: Tensor


@dataclass(frozen=True)
class ToyMean(MiniBatchProblem):
    """Mean of a sample: L(θ) = mean (y − θ)², with y normal around 2 with standard deviation 0.5.

    The `samples` observations are drawn once for all instances. An instance consists of the mini-batches of
    `batch_size`, drawn with replacement. `start` is a number or a list of one, by default 0. The minimizer
    is the mean of the observations, close to 2, and the optimum their variance.

    Source: the course's toy model yᵢ = θ̄ + εᵢ, θ̄ = 2, 100 000 samples, batches of 32, gradient 2(θ − mean),
    η = 0.05, 200 steps.
    """

    samples: int = 100_000
    batch_size: int = 32
    start: float | tuple[float, ...] = 0.0

    group = "noise"

    def __post_init__(self) -> None:
        """Raise ValueError for invalid sizes, or a start of another dimension."""
        super().__post_init__()
        check_start(self.start, 1)

    @property
    def layout(self) -> Layout:
        """One coordinate."""
        return Layout({"theta": (1,)})

    @property
    def workspace(self) -> int:
        """Deviations and squared deviations of all samples, forward and backward."""
        return 4 * self.samples

    def make_start(self, generator: Generator) -> Tensor:
        """Return `start`: `[1]`."""
        return fixed_start(self.start, 1)

    def shared_data(self) -> ToySample:
        """Draw the observations from a fixed seed."""
        generator = Generator().manual_seed(DATA_SEED)
        noise = torch.randn(self.samples, generator=generator, dtype=torch.float64)
        return ToySample(TRUE_MEAN + TRUE_DEVIATION * noise)

    def loss(self, theta: Tensor, data: ToySample, draw: Tensor) -> Tensor:
        """Compute the mean of (y − θ)² over a mini-batch: `[...]`."""
        return _mean_square(data.y[draw] - theta)

    def objective(self, theta: Tensor, data: ToySample) -> Tensor:
        """Compute the mean of (y − θ)² over all samples: `[...]`.

        The sum runs over the samples although it has a closed form, so that the time of a full gradient is realistic.
        """
        return _mean_square(data.y - theta)

    def optimum(self, data: ToySample) -> Tensor:
        """Compute the variance of the sample: a scalar."""
        return data.y.var(correction=0)

    def minimizer(self, data: ToySample) -> Tensor:
        """Compute the mean of the sample: `[1]`."""
        return data.y.mean(-1, keepdim=True)


def _mean_square(deviation: Tensor) -> Tensor:
    return deviation.square().mean(-1)
