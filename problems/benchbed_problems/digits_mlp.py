"""A small dense network on images of digits: real data, generalization, shuffled epochs."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchbed.interfaces import ModuleProblem
from benchbed_problems.real_data import read_data


@dataclass(frozen=True)
class DigitsMlp(ModuleProblem):
    """Network 64 → `hidden` → 10 with ReLU on 8 × 8 images of digits, by cross entropy.

    It shows generalization on real data: targets are accuracies on the 370 images that are not among the 1 427 for
    training. Trials start at the initialization of `torch.nn.Linear` and draw `batch_size` images a step in shuffled
    epochs, or independently if `with_replacement`.

    Source: the data: Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, in scikit-learn
    (`load_digits`).
    """

    hidden: int = 32
    batch_size: int = 64
    with_replacement: bool = False

    data_name = "digits"
    target_metric = "validation-accuracy"
    targets = (0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.96)

    def make_network(self) -> nn.Module:
        """Build the network."""
        return nn.Sequential(nn.Linear(64, self.hidden), nn.ReLU(), nn.Linear(self.hidden, 10))

    def make_data(self) -> tuple[Any, Any]:  # type: ignore[override]  # of ModuleProblem
        """Read the images, with values from 0 to 1."""
        data = read_data(self.data_name)
        return (data.x.float() / 16, data.y), (data.test_x.float() / 16, data.test_y)

    def loss_of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross entropy."""
        return cross_entropy(outputs, targets)

    def measure_accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of images that are classified correctly."""
        return (outputs.argmax(-1) == targets).to(torch.float32).mean()
