"""A triangle wave that a deep, narrow network can represent exactly."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import relu

from benchbed_problems.networks import FunctionSamples, NetworkFit, UnitInterval, unit_interval


@dataclass(frozen=True)
class Triangles(NetworkFit):
    """Fit of triangles: ½ mean (network(x) − f_k(x))², f₁(x) = 2σ(x) − 4σ(x − ½), f_k = f₁ ∘ f_{k−1}, k = `depth`.

    σ is the ReLU; on [0, 1] f_k rises from 0 to 1 and falls back 2^(k−1) times. The network, 1 → 2 → … → 2 → 1
    with k hidden layers and 6k + 1 parameters, can equal f_k, so the optimum is 0. It is fitted at `samples` evenly
    spaced points of [0, 1], the same for all instances. An instance consists of the initial weights, from the
    distribution of `torch.nn.Linear`, and the mini-batches of `batch_size`, drawn with replacement.

    Source: the course's composed triangles, whose 7, 13 and 19 parameters for k = 1, 2, 3 it sets by hand;
    the benefit of depth for such functions: Telgarsky (2016), Benefits of depth in neural networks, arXiv:1602.04485.
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
            raise ValueError(f"depth is {self.depth}; must be at least 1")

    @property
    def widths(self) -> tuple[int, ...]:
        """1, then 2 for each hidden layer, 1."""
        return (1, *(2 for _ in range(self.depth)), 1)

    def shared_data(self) -> UnitInterval:
        """Build the samples and the test points with the values of f_k."""
        return unit_interval(lambda x: triangles(x, self.depth), self.samples)

    def minimizer(self, data: FunctionSamples) -> Tensor:
        """Return the weights that the course sets: `[parameters]`.

        This is one of many solutions: units of a layer may be permuted, and one layer may undo the scaling of the layer
        before it.
        """
        return exact_parameters(self.depth)


def triangles(x: Tensor, depth: int) -> Tensor:
    """Compute f_k(x) for `x: [...]` and k = `depth`, the k-fold composition of 2σ(x) − 4σ(x − ½): `[...]`."""
    for _ in range(depth):
        x = 2 * relu(x) - 4 * relu(x - 0.5)
    return x


def exact_parameters(depth: int) -> Tensor:
    """Build the weights and biases, layer by layer, of a network that equals f_k: `[6·depth + 1]`, float64.

    The units of a hidden layer are σ(u) and σ(u − ½) of the previous layer's u = 2h₁ − 4h₂ (of x in the
    first), so that for 0 ≤ x ≤ 1 no operation rounds: the network's values equal f_k to the last bit.
    """
    bias = [0.0, -0.5]
    first, between, last = [1.0, 1.0, *bias], [2.0, -4.0, 2.0, -4.0, *bias], [2.0, -4.0, 0.0]
    return torch.tensor([*first, *(depth - 1) * between, *last], dtype=torch.float64)
