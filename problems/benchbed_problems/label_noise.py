"""Labels with noise: the probability of a class is not 1, so that the best logits are finite."""

import torch
from torch import Tensor


def check_label_noise(share: float) -> None:
    """Raise ValueError unless `share` is a probability below ½."""
    if not 0 <= share < 0.5:
        raise ValueError(f"label_noise is {share}; must be at least 0 and below 0.5")


def noisy_labels(classes: Tensor, count: int, share: float) -> Tensor:
    """Return the probabilities of `count` classes: 1 − share for the class, the rest evenly: `[samples, count]`."""
    labels = torch.full((len(classes), count), share / (count - 1), dtype=torch.float64)
    labels[torch.arange(len(classes)), classes] = 1 - share
    return labels


def mean_entropy(labels: Tensor) -> Tensor:
    """Compute the mean entropy −Σ p log p of `labels: [..., samples, classes]`: `[...]`."""
    entropy: Tensor = torch.special.entr(labels).sum(-1).mean(-1)
    return entropy
