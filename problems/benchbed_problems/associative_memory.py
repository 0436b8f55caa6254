"""A linear associative memory of frequent and rare facts, which matrix methods learn at the same pace."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, Metric, Problem, target_ladder
from benchbed_problems.label_noise import check_label_noise, mean_entropy, noisy_labels
from benchbed_problems.quadratic_forms import random_rotation


class Facts(NamedTuple):
    """Keys, values and their probabilities, `[..., facts, facts]`, a fact a row, and frequencies, `[..., facts]`."""

    keys: Tensor
    values: Tensor
    labels: Tensor
    frequency: Tensor


@dataclass(frozen=True)
class AssociativeMemory(Problem):
    """Linear memory W of `facts` facts: L(W) = Σₖ pₖ · cross entropy of k under the logits ⟨value, W keyₖ⟩.

    It isolates the spectrum together with tails: fact k has the frequency pₖ ∝ k^(−`exponent`). Keys and values are
    random orthonormal bases, so that the gradient has a singular vector for each fact, and an update with equal
    singular values, such as Muon's, learns rare facts as fast as frequent ones. Bases are drawn for each instance.
    Trials start at 0. A value has the probability `label_noise` of being that of another fact. The optimum is the
    entropy of the values. Without label noise it is 0 and not attained, and the largest rates win.

    Source: Wang et al. (2025), Muon Outperforms Adam in Tail-End Associative Memory Learning, section 4,
    arXiv:2509.26030.
    Deviation: label noise, which the paper does not have.
    """

    facts: int = 32
    exponent: float = 1.5
    label_noise: float = 0.1

    group = "spectrum"

    def __post_init__(self) -> None:
        """Raise ValueError for less than two facts, or a negative exponent."""
        if self.facts < 2:
            raise ValueError(f"facts is {self.facts}; must be at least 2")
        if not 0 <= self.exponent < float("inf"):
            raise ValueError(f"exponent is {self.exponent}; must be a finite number of at least 0")
        check_label_noise(self.label_noise)

    @property
    def layout(self) -> Layout:
        """The matrix W."""
        return Layout({"weight": (self.facts, self.facts)})

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻⁴, because small gaps say little about facts."""
        return target_ladder(0.5)

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """`rare-loss`: the mean cross entropy of the rarer half of the facts, each counted once."""
        return {"rare-loss": self._rare_loss}

    @property
    def curve_metrics(self) -> tuple[str, ...]:
        """All metrics."""
        return tuple(self.metrics)

    def make_start(self, generator: Generator) -> Tensor:
        """Return 0: `[facts²]`."""
        return torch.zeros(self.layout.dimension, dtype=torch.float64)

    def make_data(self, generator: Generator) -> Facts:
        """Draw keys, then values."""
        keys, values = (random_rotation(generator, self.facts) for _ in range(2))
        frequency = torch.arange(1, self.facts + 1, dtype=torch.float64) ** -self.exponent
        labels = noisy_labels(torch.arange(self.facts), self.facts, self.label_noise)
        return Facts(keys, values, labels, frequency / frequency.sum())

    def objective(self, theta: Tensor, data: Facts) -> Tensor:
        """Compute the expected cross entropy: `[...]`."""
        return (data.frequency * self._losses(theta, data)).sum(-1)

    def optimum(self, data: Facts) -> Tensor:
        """Compute the entropy of the values: `[...]`."""
        return mean_entropy(data.labels)

    def minimizer(self, data: Facts) -> Tensor | None:
        """Return the map with the labels' logarithms as logits: `[..., facts²]`; None without label noise."""
        if not self.label_noise:
            return None
        return (data.values.mT @ data.labels.mT.log() @ data.keys).flatten(-2)

    def _losses(self, theta: Tensor, data: Facts) -> Tensor:
        """Compute the cross entropy of each fact: `[..., facts]`."""
        logits = data.keys @ self.layout.views(theta)["weight"].mT @ data.values.mT
        return -(data.labels * logits.log_softmax(-1)).sum(-1)

    def _rare_loss(self, theta: Tensor, data: Facts) -> Tensor:
        return self._losses(theta, data)[..., self.facts // 2 :].mean(-1)
