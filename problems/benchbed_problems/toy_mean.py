"""The mean of a large sample: what a mini-batch saves, and what it costs near the end."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout
from benchbed_problems.batches import MiniBatches
from benchbed_problems.starts import check_start, given_start

DATA_SEED = 0
TRUE_MEAN = 2.0
TRUE_DEVIATION = 0.5


class Sample(NamedTuple):
    """The observations, `[samples]`."""

    y: Tensor


@dataclass(frozen=True)
class ToyMean(MiniBatches):
    """Minimize mean (y − θ)², with y normal around 2 with standard deviation 0.5.

    The `samples` observations are drawn once for all instances; an instance is its mini-batches of
    `batch_size`, drawn with replacement. The start is 0 (`start`: a number or a list of one). The minimizer
    is the mean of the observations, not quite 2, and the optimum their variance.

    Source: the course's toy model yᵢ = θ̄ + εᵢ, θ̄ = 2, 100 000 samples, batches of 32, gradient 2(θ − mean),
    η = 0.05, 200 steps.
    """

    samples: int = 100_000
    batch_size: int = 32
    start: float | tuple[float, ...] = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError for sizes that do not fit, or a start of another dimension."""
        super().__post_init__()
        check_start(self.start, 1)

    @property
    def layout(self) -> Layout:
        """One coordinate."""
        return Layout({"theta": (1,)})

    @property
    def workspace(self) -> int:
        """The deviations of all samples and their squares, there and back."""
        return 4 * self.samples

    def make_start(self, generator: Generator) -> Tensor:
        """Give `start`, `[1]`."""
        return given_start(self.start, 1)

    def shared_data(self) -> Sample:
        """Draw the observations, the same ones at every call."""
        generator = Generator().manual_seed(DATA_SEED)
        noise = torch.randn(self.samples, generator=generator, dtype=torch.float64)
        return Sample(TRUE_MEAN + TRUE_DEVIATION * noise)

    def loss(self, theta: Tensor, data: Sample, draw: Tensor) -> Tensor:
        """Give the mean of (y − θ)² over a mini-batch, `[...]`."""
        return _mean_square(data.y[draw] - theta)

    def objective(self, theta: Tensor, data: Sample) -> Tensor:
        """Give the mean of (y − θ)² over all samples, `[...]`.

        Sample by sample, as a sum without a closed form would have to be taken: so a full gradient's seconds show its
        price.
        """
        return _mean_square(data.y - theta)

    def optimum(self, data: Sample) -> Tensor:
        """Give the variance of the sample, no dimensions."""
        return data.y.var(correction=0)

    def minimizer(self, data: Sample) -> Tensor:
        """Give the mean of the sample, `[1]`."""
        return data.y.mean(-1, keepdim=True)


def _mean_square(deviation: Tensor) -> Tensor:
    return deviation.square().mean(-1)
