"""Softmax regression with classes from frequent to rare: gradient descent neglects the rare ones, without any noise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, Metric, Problem, target_ladder
from benchbed_problems.label_noise import check_label_noise, mean_entropy, noisy_labels


class LabelledPoints(NamedTuple):
    """Points, `[..., samples, features]`, and the probabilities of their classes, `[..., samples, classes]`."""

    x: Tensor
    labels: Tensor


@dataclass(frozen=True)
class ImbalancedSoftmax(Problem):
    """Softmax regression on `groups` groups of classes with equally many samples each, but ever more classes.

    It isolates heavy tails: group k = 1 … m has 2^(k−1) classes of 2^(m−k+1) samples. The m 2^m points are uniform on
    [0, 1] in (m + 1) 2^m dimensions, drawn for each instance, so that a linear map separates them. Trials start at 0.
    The loss is the mean cross entropy of all samples, whose labels have the probability `label_noise` of another class.
    The optimum is the entropy of the labels. Without label noise it is 0 and not attained, and the largest rates win.

    Source: Kunstner et al. (2024), Heavy-Tailed Class Imbalance and Why Adam Outperforms Gradient Descent on Language
    Models, section 3, arXiv:2402.19449.
    Deviation: label noise, which the paper does not have.
    """

    groups: int = 4
    label_noise: float = 0.1

    group = "tails"

    def __post_init__(self) -> None:
        """Raise ValueError for less than two groups, which would have one class."""
        if not 2 <= self.groups <= 12:
            raise ValueError(f"groups is {self.groups}; must be between 2 and 12")
        check_label_noise(self.label_noise)

    @property
    def features(self) -> int:
        """(m + 1) 2^m."""
        return (self.groups + 1) << self.groups

    @property
    def classes(self) -> int:
        """2^m − 1."""
        return (1 << self.groups) - 1

    @property
    def layout(self) -> Layout:
        """The matrix of the linear map."""
        return Layout({"weight": (self.classes, self.features)})

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻², because small gaps say little about classes."""
        return target_ladder(0.25)

    @property
    def workspace(self) -> int:
        """Logits, probabilities and their gradients of all samples."""
        return 16 * self.layout.dimension + 8 * (self.groups << self.groups) * self.classes

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """`frequent-loss` and `rare-loss`: mean loss of the most frequent class, and of the rarest classes."""
        return {"frequent-loss": self._frequent_loss, "rare-loss": self._rare_loss}

    @property
    def curve_metrics(self) -> tuple[str, ...]:
        """All metrics."""
        return tuple(self.metrics)

    def make_start(self, generator: Generator) -> Tensor:
        """Return 0: `[classes · features]`."""
        return torch.zeros(self.layout.dimension, dtype=torch.float64)

    def make_data(self, generator: Generator) -> LabelledPoints:
        """Draw the points; samples are sorted from the most frequent class to the rarest."""
        count = 2**self.groups
        x = torch.rand(self.groups * count, self.features, generator=generator, dtype=torch.float64)
        sizes = [count >> level for level in range(self.groups) for _ in range(2**level)]
        classes = torch.repeat_interleave(torch.arange(self.classes), torch.tensor(sizes))
        return LabelledPoints(x, noisy_labels(classes, self.classes, self.label_noise))

    def objective(self, theta: Tensor, data: LabelledPoints) -> Tensor:
        """Compute the mean cross entropy: `[...]`."""
        return self._losses(theta, data).mean(-1)

    def optimum(self, data: LabelledPoints) -> Tensor:
        """Compute the entropy of the labels: `[...]`."""
        return mean_entropy(data.labels)

    def minimizer(self, data: LabelledPoints) -> Tensor | None:
        """Compute a map of least norm with the labels' logarithms as logits; None without label noise."""
        if not self.label_noise:
            return None
        solution: Tensor = torch.linalg.lstsq(data.x, data.labels.log(), driver="gelsd").solution
        return solution.mT.flatten(-2)

    def _losses(self, theta: Tensor, data: LabelledPoints) -> Tensor:
        """Compute the cross entropy of each sample: `[..., samples]`."""
        logits = torch.einsum("...sf,...cf->...sc", data.x, self.layout.views(theta)["weight"])
        return -(data.labels * logits.log_softmax(-1)).sum(-1)

    def _frequent_loss(self, theta: Tensor, data: LabelledPoints) -> Tensor:
        return self._losses(theta, data)[..., : 2**self.groups].mean(-1)

    def _rare_loss(self, theta: Tensor, data: LabelledPoints) -> Tensor:
        return self._losses(theta, data)[..., -(2**self.groups) :].mean(-1)
