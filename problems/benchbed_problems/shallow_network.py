"""A network with one hidden layer: with ReLU a piecewise linear function whose kinks are learned."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import relu

from benchbed_problems.networks import NetworkFit, UnitInterval, unit_interval


def runge(x: Tensor) -> Tensor:
    """Compute 1/(1 + 25z²) with z = 2x − 1, a peak in the middle of [0, 1]."""
    return 1 / (1 + 25 * (2 * x - 1).square())


def chirp(x: Tensor) -> Tensor:
    """Compute sin(4πx²), two oscillations of increasing frequency on [0, 1]."""
    return torch.sin(4 * math.pi * x.square())


TARGETS: Mapping[str, Callable[[Tensor], Tensor]] = {"runge": runge, "chirp": chirp}


class Kinks(NamedTuple):
    """A ReLU network as a piecewise linear function, intercept + slope · x + Σ_j weight_j max(0, x − breakpoint_j).

    `breakpoints` and `weights` are `[..., hidden]`, `slope` and `intercept` are `[...]`.
    """

    breakpoints: Tensor
    weights: Tensor
    slope: Tensor
    intercept: Tensor

    def at(self, x: Tensor) -> Tensor:
        """Evaluate the function at `x: [..., samples]`: `[..., samples]`."""
        weights = self.weights.unsqueeze(-1)
        distance = relu(x.unsqueeze(-2) - self.breakpoints.unsqueeze(-1))
        # The breakpoint of a unit without weight is infinite or NaN.
        bends = torch.where(weights == 0, 0, weights * distance).sum(-2)
        return self.intercept.unsqueeze(-1) + self.slope.unsqueeze(-1) * x + bends


@dataclass(frozen=True)
class ShallowNetwork(NetworkFit):
    """Fit of a shallow network: L(θ) = ½ mean (Σ_j v_j σ(w_j x + b_j) + c − y(x))², θ = (w, b, v, c), `hidden` units.

    σ is the `activation`. The `target` y is 1/(1 + 25z²) with z = 2x − 1 (runge) or sin(4πx²) (chirp), sampled at
    `samples` evenly spaced points of [0, 1], the same for all instances. An instance consists of the initial
    weights, from the distribution of `torch.nn.Linear`, and the mini-batches of `batch_size`, drawn with replacement.
    The data has no noise, so 0 is a lower bound of the objective and is used as the optimum; it is not known whether
    any weights attain it.

    Source: the course's shallow network, with 15, 30 and 100 hidden units; initial weights: `torch.nn.Linear`,
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
            raise ValueError(f"hidden is {self.hidden}; must be at least 1")

    @property
    def widths(self) -> tuple[int, ...]:
        """1, `hidden`, 1."""
        return (1, self.hidden, 1)

    def shared_data(self) -> UnitInterval:
        """Build the samples and the test points with the target's values."""
        return unit_interval(TARGETS[self.target], self.samples)

    def breakpoints(self, theta: Tensor) -> Tensor:
        """Compute the points −b_j/w_j where the units' inputs change sign, the kinks of ReLU: `[..., hidden]`.

        They may lie outside [0, 1]. The breakpoint of a unit with w_j = 0 is infinite, or NaN if b_j = 0 too.
        """
        views = self.layout.views(theta)
        return -views["bias1"] / views["weight1"].squeeze(-1)

    def kinks(self, theta: Tensor) -> Kinks:
        """Convert the network to a piecewise linear function.

        With x̂ = −b/w, σ(wx + b) is w max(0, x − x̂) for w > 0. For w < 0, σ(u) = u + σ(−u) yields
        wx + b + |w| max(0, x − x̂), whose line is added to slope and intercept. For w = 0 it is the constant σ(b).
        So the weight of a kink is v|w|.

        Raises: ValueError if `activation` is not relu.
        """
        if self.activation != "relu":
            raise ValueError(f"activation is {self.activation}; must be relu for a piecewise linear network")
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
