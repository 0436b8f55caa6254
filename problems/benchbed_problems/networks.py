"""What the problems that fit a dense network share: its parameters, its values, its loss on mini-batches."""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple, Protocol

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, Metric, take_samples
from benchbed_problems.activations import ACTIVATIONS
from benchbed_problems.batches import MiniBatches

TEST_POINTS = 1_001
"""Test points on the unit interval."""


class Samples(Protocol):
    """Training and test points, `[samples, inputs]`, and their values, `[samples, 1]`."""

    @property
    def x(self) -> Tensor:
        """Training points."""

    @property
    def y(self) -> Tensor:
        """Their values."""

    @property
    def test_x(self) -> Tensor:
        """Test points."""

    @property
    def test_y(self) -> Tensor:
        """Their values."""


class UnitInterval(NamedTuple):
    """Evenly spaced training and test points on [0, 1], and their values: each `[samples, 1]`."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor


class NetworkFit(MiniBatches):
    """Minimize ½ mean (network(x) − y)² over samples without noise, the same for all instances.

    The network is `widths` wide, from its inputs to its one output, with `activation` between the layers. θ
    holds, layer by layer, weight and bias as `torch.nn.Linear` does, and is drawn as it draws them; the
    stochastic loss is over `batch_size` samples, drawn with replacement. A subclass is a frozen dataclass
    with these parameters, and makes the shared data.

    Source: first weights: `torch.nn.Linear`,
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html.
    """

    activation: str

    scale_instances = 20

    @property
    @abstractmethod
    def widths(self) -> tuple[int, ...]:
        """Numbers of units, from the inputs to the output, which is 1."""

    @property
    def layout(self) -> Layout:
        """Weight and bias of each layer, in the order of `torch.nn.Sequential.parameters()`."""
        blocks: dict[str, tuple[int, ...]] = {}
        for layer, (fan_in, fan_out) in enumerate(pairwise(self.widths), start=1):
            blocks[f"weight{layer}"] = (fan_out, fan_in)
            blocks[f"bias{layer}"] = (fan_out,)
        return Layout(blocks)

    @property
    def workspace(self) -> int:
        """Before and after each hidden unit's activation, for all samples, there and back."""
        return self.samples * max(sum(self.widths[1:-1]), 1) * 4

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """`test-loss`: ½ mean squared error on the test points."""
        return {"test-loss": self._test_loss}

    def make_start(self, generator: Generator) -> Tensor:
        """Draw weights and biases from U(−1/√fan_in, 1/√fan_in): `[parameters]`."""
        blocks = self.layout.blocks
        pieces = []
        for name, shape in blocks.items():
            bound = 1 / math.sqrt(blocks[name.replace("bias", "weight")][1])
            pieces.append(uniform(generator, bound, math.prod(shape)))
        return torch.cat(pieces)

    def loss(self, theta: Tensor, data: Samples, draw: Tensor) -> Tensor:
        """Give ½ the mean squared error on a mini-batch, `[...]`."""
        return self._half_mean_square(theta, take_samples(data.x, draw), take_samples(data.y, draw))

    def objective(self, theta: Tensor, data: Samples) -> Tensor:
        """Give ½ the mean squared error over all samples, `[...]`."""
        return self._half_mean_square(theta, data.x, data.y)

    def optimum(self, data: Samples) -> Tensor:
        """Give 0, a lower bound: the samples are free of noise."""
        return torch.zeros_like(data.y[0, 0])

    def predict(self, theta: Tensor, x: Tensor) -> Tensor:
        """Give the network's values at `x: [..., samples, inputs]`: `[..., samples]`."""
        views = self.layout.views(theta)
        activate = ACTIVATIONS[self.activation]
        # Features before samples: the weights then multiply from the left, as they lie in theta; the
        # fastest of the orders tried.
        values = x.mT
        for layer in range(1, len(views) // 2 + 1):
            if layer > 1:
                values = activate(values)
            values = views[f"weight{layer}"] @ values + views[f"bias{layer}"].unsqueeze(-1)
        return values.squeeze(-2)

    def _half_mean_square(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return 0.5 * (self.predict(theta, x) - y.squeeze(-1)).square().mean(-1)

    def _test_loss(self, theta: Tensor, data: Samples) -> Tensor:
        return self._half_mean_square(theta, data.test_x, data.test_y)


def unit_interval(function: Callable[[Tensor], Tensor], samples: int) -> UnitInterval:
    """Evaluate `function` at `samples` places evenly spaced on [0, 1], and at 1 001 to test at."""
    x, test_x = (
        torch.linspace(0, 1, count, dtype=torch.float64).unsqueeze(-1) for count in (samples, TEST_POINTS)
    )
    return UnitInterval(x, function(x), test_x, function(test_x))


def uniform(generator: Generator, bound: float, *shape: int) -> Tensor:
    """Draw from U(−bound, bound), in float64."""
    return torch.empty(shape, dtype=torch.float64).uniform_(-bound, bound, generator=generator)
