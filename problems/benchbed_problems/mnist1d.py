"""Networks on MNIST-1D: convolution pays where neighbours mean something."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from benchbed.interfaces import ModuleProblem
from benchbed_problems.mnist1d_data import LENGTH, generate_signals

SHUFFLE_SEED = 0


@dataclass(frozen=True)
class Mnist1d(ModuleProblem):
    """Classification of MNIST-1D by a linear map, a dense or a convolutional network, by cross entropy.

    It shows layers and convolution: the `network` is "linear", "mlp" (40 → 100 → 100 → 10) or "cnn" (three
    convolutions of 25 channels and a linear map), with ReLU. If `shuffled`, the 40 positions are permuted, so that
    neighbours mean nothing. Targets are accuracies on 1 000 signals; 4 000 others are for training. Trials start at
    torch's initialization and draw `batch_size` signals a step in shuffled epochs, or independently if
    `with_replacement`.

    Source: Greydanus (2020), Scaling Down Deep Learning with MNIST-1D, arXiv:2011.14439.
    """

    network: Literal["linear", "mlp", "cnn"] = "mlp"
    shuffled: bool = False
    batch_size: int = 64
    with_replacement: bool = False

    preset_budgets: ClassVar[Mapping[str, int]] = {"quick": 500, "standard": 2_000}
    target_metric = "validation-accuracy"

    @property
    def targets(self) -> tuple[float, ...]:
        """Accuracies that the network can reach."""
        if self.network == "linear":
            return (0.15, 0.2, 0.23, 0.26, 0.28, 0.3, 0.31, 0.32)
        if self.network == "mlp" or self.shuffled:
            return (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55)
        return (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

    def make_network(self) -> nn.Module:
        """Build the network."""
        if self.network == "linear":
            return nn.Linear(LENGTH, 10)
        if self.network == "mlp":
            hidden = nn.Sequential(nn.Linear(LENGTH, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU())
            return nn.Sequential(hidden, nn.Linear(100, 10))
        return nn.Sequential(
            nn.Unflatten(1, (1, LENGTH)),
            nn.Conv1d(1, 25, 5, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv1d(25, 25, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv1d(25, 25, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(125, 10),
        )

    def make_data(self) -> tuple[Any, Any]:  # type: ignore[override]  # of ModuleProblem
        """Generate the signals."""
        signals = generate_signals()
        order = torch.arange(LENGTH)
        if self.shuffled:
            order = torch.randperm(LENGTH, generator=Generator().manual_seed(SHUFFLE_SEED))
        return (
            (signals.x[:, order].float(), signals.y),
            (signals.test_x[:, order].float(), signals.test_y),
        )

    def loss_of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross entropy."""
        return cross_entropy(outputs, targets)

    def measure_accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of signals that are classified correctly."""
        return (outputs.argmax(-1) == targets).to(torch.float32).mean()
