"""A network with one hidden layer: a sum of kinks that an optimizer has to place where the target bends."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import relu

from benchbed_problems.networks import NetworkFit, UnitInterval, unit_interval


def runge(x: Tensor) -> Tensor:
    """Give 1/(1 + 25z²) with z = 2x − 1: a peak in the middle of [0, 1]."""
    return 1 / (1 + 25 * (2 * x - 1).square())


def chirp(x: Tensor) -> Tensor:
    """Give sin(4πx²): two oscillations on [0, 1], each shorter than the one before."""
    return torch.sin(4 * math.pi * x.square())


TARGETS: Mapping[str, Callable[[Tensor], Tensor]] = {"runge": runge, "chirp": chirp}


class Kinks(NamedTuple):
    """A ReLU network as a sum of kinks, intercept + slope · x + Σ_j weight_j max(0, x − breakpoint_j), for any x.

    `breakpoints` and `weights` are `[..., hidden]`, `slope` and `intercept` `[...]`. On [0, 1] the slope is the
    weight of one more kink, at 0.
    """

    breakpoints: Tensor
    weights: Tensor
    slope: Tensor
    intercept: Tensor

    def at(self, x: Tensor) -> Tensor:
        """Give the sum at `x: [..., samples]`: `[..., samples]`."""
        weights = self.weights.unsqueeze(-1)
        beyond = relu(x.unsqueeze(-2) - self.breakpoints.unsqueeze(-1))
        # A unit without weight has its breakpoint at infinity, or nowhere.
        bends = torch.where(weights == 0, 0, weights * beyond).sum(-2)
        return self.intercept.unsqueeze(-1) + self.slope.unsqueeze(-1) * x + bends


@dataclass(frozen=True)
class ShallowNetwork(NetworkFit):
    """Minimize ½ mean (network(x) − y(x))², the network Σ_j v_j σ(w_j x + b_j) + c with `hidden` units.

    σ is the `activation`. The `target` y is 1/(1 + 25z²) with z = 2x − 1 (runge) or sin(4πx²) (chirp), given at
    `samples` places, evenly spaced on [0, 1] and the same for all instances; an instance is the first weights,
    drawn as `torch.nn.Linear` draws them, and the mini-batches of `batch_size`, drawn with replacement. θ holds
    w, b, v and c. The data is free of noise, so 0 is a lower bound of the objective, and stands for the
    optimum; whether any weights attain it is not known.

    Source: the course's shallow network, with 15, 30 and 100 hidden units; first weights: `torch.nn.Linear`,
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html.
    """

    hidden: int = 30
    activation: Literal["relu", "gelu", "tanh", "silu"] = "relu"
    target: Literal["runge", "chirp"] = "runge"
    samples: int = 200
    batch_size: int = 32

    dtype = "float32"
    budget = 30_000
    optimum_is_bound = True

    def __post_init__(self) -> None:
        """Raise ValueError for sizes below 1, or a batch larger than the sample."""
        super().__post_init__()
        if self.hidden < 1:
            raise ValueError(f"hidden is {self.hidden}; give at least 1")

    @property
    def widths(self) -> tuple[int, ...]:
        """1, `hidden`, 1."""
        return (1, self.hidden, 1)

    def shared_data(self) -> UnitInterval:
        """Give the samples and the test points, with the target's values."""
        return unit_interval(TARGETS[self.target], self.samples)

    def breakpoints(self, theta: Tensor) -> Tensor:
        """Give the places −b_j/w_j where the units' inputs change sign, `[..., hidden]`: ReLU's kinks.

        Some may lie outside [0, 1]; that of a unit with w_j = 0 is infinite, or NaN where b_j = 0 too.
        """
        views = self.layout.views(theta)
        return -views["bias1"] / views["weight1"].squeeze(-1)

    def kinks(self, theta: Tensor) -> Kinks:
        """Give the network as a sum of kinks. Raises: ValueError if `activation` is not relu.

        With x̂ = −b/w, σ(wx + b) is w max(0, x − x̂) for w > 0. For w < 0, σ(u) = u + σ(−u) makes it
        wx + b + |w| max(0, x − x̂): the kink bends upwards too, and its line joins slope and intercept. For
        w = 0 it is the constant σ(b). So the weight of a kink is v|w|.
        """
        if self.activation != "relu":
            raise ValueError(f"activation is {self.activation}; only with relu a network is a sum of kinks")
        views = self.layout.views(theta)
        w, b = views["weight1"].squeeze(-1), views["bias1"]
        v, c = views["weight2"].squeeze(-2), views["bias2"].squeeze(-1)
        falling = torch.where(w < 0, v, 0)
        flat = torch.where(w == 0, v * relu(b), 0)
        return Kinks(
            breakpoints=self.breakpoints(theta),
            weights=v * w.abs(),
            slope=(falling * w).sum(-1),
            intercept=c + (falling * b + flat).sum(-1),
        )
