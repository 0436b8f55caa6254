"""A wave of triangles that a deep, narrow network can be exactly, if an optimizer finds it."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import relu

from benchbed_problems.networks import NetworkFit, Samples, UnitInterval, unit_interval


@dataclass(frozen=True)
class Triangles(NetworkFit):
    """Minimize ½ mean (network(x) − f_k(x))², with f₁(x) = 2σ(x) − 4σ(x − ½), f_k = f₁ ∘ f_{k−1}, k = `depth`.

    σ is the ReLU; on [0, 1] f_k goes 2^(k−1) times from 0 up to 1 and back. The network, 1 → 2 → … → 2 → 1
    with k hidden layers and 6k + 1 parameters, can be f_k exactly: the optimum is 0. It is fitted at `samples`
    places, evenly spaced on [0, 1] and the same for all instances; an instance is the first weights, drawn as
    `torch.nn.Linear` draws them, and the mini-batches of `batch_size`, drawn with replacement.

    Source: the course's composed triangles, 7, 13 and 19 parameters for k = 1, 2, 3, which it sets by hand;
    that depth pays there: Telgarsky (2016), Benefits of depth in neural networks, arXiv:1602.04485.
    """

    depth: int = 2
    samples: int = 200
    batch_size: int = 32

    budget = 30_000
    activation = "relu"

    def __post_init__(self) -> None:
        """Raise ValueError for sizes below 1, or a batch larger than the sample."""
        super().__post_init__()
        if self.depth < 1:
            raise ValueError(f"depth is {self.depth}; give at least 1")

    @property
    def widths(self) -> tuple[int, ...]:
        """1, then 2 for each hidden layer, 1."""
        return (1, *(2 for _ in range(self.depth)), 1)

    def shared_data(self) -> UnitInterval:
        """Give the samples and the test points, with the values of f_k."""
        return unit_interval(lambda x: triangles(x, self.depth), self.samples)

    def minimizer(self, data: Samples) -> Tensor:
        """Give the weights that the course sets, `[parameters]`.

        They are not the only ones: two units of a layer may change places, and what a layer scales up the
        next may scale down. A distance to them is a distance to one of many solutions.
        """
        return exact_parameters(self.depth)


def triangles(x: Tensor, depth: int) -> Tensor:
    """Give f_k(x), k = `depth`: 2σ(x) − 4σ(x − ½), composed with itself; `[...]` in, `[...]` out."""
    for _ in range(depth):
        x = 2 * relu(x) - 4 * relu(x - 0.5)
    return x


def exact_parameters(depth: int) -> Tensor:
    """Give weights and biases, layer by layer, with which a network is f_k: `[6·depth + 1]`, float64.

    The units of a hidden layer are σ(u) and σ(u − ½) of the previous layer's u = 2h₁ − 4h₂ (of x in the
    first), so that for 0 ≤ x ≤ 1 no operation rounds: the network's values are f_k's to the last bit.
    """
    bias = [0.0, -0.5]
    first, between, last = [1.0, 1.0, *bias], [2.0, -4.0, 2.0, -4.0, *bias], [2.0, -4.0, 0.0]
    return torch.tensor([*first, *(depth - 1) * between, *last], dtype=torch.float64)
