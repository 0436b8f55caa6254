"""A bigram model of a Zipf-distributed vocabulary: gradient descent is slow on rare words, sign descent is not."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, Problem, target_ladder
from benchbed_problems.label_noise import mean_entropy


class WordFrequencies(NamedTuple):
    """Frequencies of words, `[vocabulary, 1]`, and conditional frequencies of their successors, `[vocabulary]`."""

    frequency: Tensor
    successors: Tensor


@dataclass(frozen=True)
class ZipfBigram(Problem):
    """Linear bigram model with frequencies πᵢ ∝ 1/i and successors pⱼ ∝ 1/j over `vocabulary` words.

    It isolates heavy tails: the curvature of row i is the frequency πᵢ of word i, so that the steps which gradient
    descent needs grow with the vocabulary, while those of sign descent hardly do. The `criterion` is "squared",
    L(W) = ½ Σᵢ πᵢ ‖Wᵢ − p‖² with the optimum 0, or "cross-entropy" with logits Wᵢ and the entropy of p as the optimum.
    Trials start at 0, and nothing is random.

    Source: Kunstner and Bach (2025), Scaling Laws for Gradient Descent and Sign Descent for Linear Bigram Models under
    Zipf's Law, sections 2 and 3, arXiv:2505.19227.
    """

    vocabulary: int = 100
    criterion: Literal["squared", "cross-entropy"] = "squared"

    group = "tails"

    def __post_init__(self) -> None:
        """Raise ValueError for a vocabulary of less than two words."""
        if self.vocabulary < 2:
            raise ValueError(f"vocabulary is {self.vocabulary}; must be at least 2 words")

    @property
    def layout(self) -> Layout:
        """The matrix W, a row for each word."""
        return Layout({"weight": (self.vocabulary, self.vocabulary)})

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻⁴, because rules of constant step do not come much closer."""
        return target_ladder(0.5)

    def make_start(self, generator: Generator) -> Tensor:
        """Return 0: `[vocabulary²]`."""
        return torch.zeros(self.layout.dimension, dtype=torch.float64)

    def shared_data(self) -> WordFrequencies:
        """Compute the frequencies."""
        frequency = 1 / torch.arange(1, self.vocabulary + 1, dtype=torch.float64)
        frequency /= frequency.sum()
        return WordFrequencies(frequency.unsqueeze(-1), frequency.clone())

    def objective(self, theta: Tensor, data: WordFrequencies) -> Tensor:
        """Compute Σᵢ πᵢ times half the squared error, or the cross entropy, of row i: `[...]`."""
        weight = self.layout.views(theta)["weight"]
        if self.criterion == "squared":
            return 0.5 * (data.frequency * (weight - data.successors).square()).sum((-2, -1))
        return -(data.frequency * data.successors * weight.log_softmax(-1)).sum((-2, -1))

    def optimum(self, data: WordFrequencies) -> Tensor:
        """Return 0, or the entropy of the successors."""
        if self.criterion == "squared":
            return torch.zeros_like(data.successors[0])
        return mean_entropy(data.successors.unsqueeze(0))

    def minimizer(self, data: WordFrequencies) -> Tensor:
        """Return the successors' frequencies, or their logarithms, in every row: `[vocabulary²]`."""
        row = data.successors if self.criterion == "squared" else data.successors.log()
        return row.repeat(self.vocabulary)
