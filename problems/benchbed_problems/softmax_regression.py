"""Softmax regression on images of digits: convex, real and anisotropic."""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchbed_problems.linear_classifiers import LinearClassifier


@dataclass(frozen=True)
class SoftmaxRegression(LinearClassifier):
    """Softmax regression of 8 × 8 images of digits: mean cross entropy of W x + b, plus ½ `penalty` ‖θ‖².

    It isolates convex classification of real data with an anisotropic spectrum. 1 427 of the 1 797 images, fixed by a
    hash, are for training, the others for the metrics. If `standardized`, each pixel has mean 0 and variance 1 on the
    training samples; otherwise its values are 0 to 16. Trials start at N(0, 0.1²) and draw `batch_size` samples a step,
    with replacement, or use all if it is None. The optimum is computed by Newton's method to a gradient of norm 10⁻¹².

    Source: the data: Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, in scikit-learn
    (`load_digits`).
    """

    batch_size: int | None = 64
    penalty: float = 1e-3
    standardized: bool = True

    group = "geometry"
    data_name = "digits"
    outputs = 10

    def make_labels(self, classes: Tensor) -> Tensor:
        """Return the classes, one-hot: `[samples, 10]`."""
        return torch.nn.functional.one_hot(classes, self.outputs).double()

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Compute the cross entropy: `[..., samples]`."""
        return -(labels * logits.log_softmax(-1)).sum(-1)

    def is_correct(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return whether the class has the largest logit: `[..., samples]`."""
        return logits.argmax(-1) == labels.argmax(-1)

    def curvature(self, logits: Tensor) -> Tensor:
        """Compute diag(p) − p pᵀ: `[samples, 10, 10]`."""
        probabilities = logits.softmax(-1)
        return probabilities.diag_embed() - probabilities.unsqueeze(-1) * probabilities.unsqueeze(-2)
