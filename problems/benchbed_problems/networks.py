"""Base class of the problems that fit a dense network to samples of a function."""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple, Protocol

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, Metric, take_samples
from benchbed_problems.activations import ACTIVATIONS
from benchbed_problems.batches import MiniBatchProblem

TEST_POINTS = 1_001
"""Test points on the unit interval."""


class FunctionSamples(Protocol):
    """Training and test points, `[samples, inputs]`, with the function's values, `[samples, 1]`."""

    @property
    def x(self) -> Tensor:
        """Points at which the network is trained."""

    @property
    def y(self) -> Tensor:
        """Values at `x`."""

    @property
    def test_x(self) -> Tensor:
        """Points at which `test-loss` is measured."""

    @property
    def test_y(self) -> Tensor:
        """Values at `test_x`."""


class UnitInterval(NamedTuple):
    """Evenly spaced training and test points on [0, 1] with their values, each `[samples, 1]`."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor


class NetworkFit(MiniBatchProblem):
    """Fit of a network: L(θ) = ½ mean (network(x) − y)² over samples without noise, the same for all instances.

    The layers of the network are `widths` wide, from the inputs to the single output, with `activation` between
    them. θ contains weight and bias of each layer in the layout of `torch.nn.Linear`, drawn from the same
    distribution. The stochastic loss is the mean over `batch_size` samples, drawn with replacement. A subclass is
    a frozen dataclass with these fields; it also builds the shared data.

    Source: first weights: `torch.nn.Linear`,
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html.
    """

    activation: str

    scale_instances = 20
    group = "networks"

    @property
    @abstractmethod
    def widths(self) -> tuple[int, ...]:
        """Numbers of units of the layers, from the inputs to the output, which has 1."""

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
        """Values before and after each hidden activation, for all samples, forward and backward."""
        return self.samples * max(sum(self.widths[1:-1]), 1) * 4

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """`test-loss`: ½ mean squared error on the test points."""
        return {"test-loss": self._test_loss}

    def make_start(self, generator: Generator) -> Tensor:
        """Draw weights and biases from U(−1/√fan_in, 1/√fan_in): `[parameters]`."""
        blocks = self.layout.blocks
        parameters = []
        for name, shape in blocks.items():
            bound = 1 / math.sqrt(blocks[name.replace("bias", "weight")][1])
            parameters.append(uniform(generator, bound, math.prod(shape)))
        return torch.cat(parameters)

    def loss(self, theta: Tensor, data: FunctionSamples, draw: Tensor) -> Tensor:
        """Compute ½ the mean squared error on a mini-batch: `[...]`."""
        return self._half_mean_square(theta, take_samples(data.x, draw), take_samples(data.y, draw))

    def objective(self, theta: Tensor, data: FunctionSamples) -> Tensor:
        """Compute ½ the mean squared error over all samples: `[...]`."""
        return self._half_mean_square(theta, data.x, data.y)

    def optimum(self, data: FunctionSamples) -> Tensor:
        """Return 0, a lower bound, because the samples have no noise."""
        return torch.zeros_like(data.y[0, 0])

    def predict(self, theta: Tensor, x: Tensor) -> Tensor:
        """Compute the network's values at `x: [..., samples, inputs]`: `[..., samples]`."""
        views = self.layout.views(theta)
        activate = ACTIVATIONS[self.activation]
        # Features before samples, so that the weights multiply from the left in the layout of theta: the fastest order.
        values = x.mT
        for layer in range(1, len(views) // 2 + 1):
            if layer > 1:
                values = activate(values)
            values = views[f"weight{layer}"] @ values + views[f"bias{layer}"].unsqueeze(-1)
        return values.squeeze(-2)

    def _half_mean_square(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return 0.5 * (self.predict(theta, x) - y.squeeze(-1)).square().mean(-1)

    def _test_loss(self, theta: Tensor, data: FunctionSamples) -> Tensor:
        return self._half_mean_square(theta, data.test_x, data.test_y)


def unit_interval(function: Callable[[Tensor], Tensor], samples: int) -> UnitInterval:
    """Evaluate `function` at `samples` evenly spaced training points on [0, 1], and at 1 001 test points."""
    x, test_x = (
        torch.linspace(0, 1, count, dtype=torch.float64).unsqueeze(-1) for count in (samples, TEST_POINTS)
    )
    return UnitInterval(x, function(x), test_x, function(test_x))


def uniform(generator: Generator, bound: float, *shape: int) -> Tensor:
    """Draw a tensor from U(−bound, bound), in float64."""
    return torch.empty(shape, dtype=torch.float64).uniform_(-bound, bound, generator=generator)
