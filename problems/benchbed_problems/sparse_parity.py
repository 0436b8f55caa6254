"""The parity of a few of many bits: nothing happens for long, and then everything."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchbed.interfaces import ModuleProblem

DATA_SEED = 0
VALIDATION_SAMPLES = 500


@dataclass(frozen=True)
class SparseParity(ModuleProblem):
    """Network `bits` → `hidden` → 1 with ReLU that learns the parity of the first three bits, by logistic loss.

    It shows delayed progress: the loss hardly falls while the network finds the three bits, and then drops. Bits are
    ±1 and uniform; `samples` of them, drawn once for all instances, are for training and 500 others for validation,
    whose accuracies are the targets. Trials start at the initialization of `torch.nn.Linear` and draw `batch_size`
    samples a step in shuffled epochs, or independently if `with_replacement`.

    Source: Barak et al. (2022), Hidden Progress in Deep Learning: SGD Learns Parities Near the Computational Limit,
    section 3, arXiv:2207.08799.
    """

    bits: int = 20
    hidden: int = 128
    samples: int = 2_000
    batch_size: int = 32
    with_replacement: bool = False

    target_metric = "validation-accuracy"
    targets = (0.6, 0.65, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99)

    def __post_init__(self) -> None:
        """Raise ValueError for less than three bits, or an empty layer or sample."""
        if self.bits < 3:
            raise ValueError(f"bits is {self.bits}; must be at least 3")
        for name in ("hidden", "samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; must be at least 1")

    def make_network(self) -> nn.Module:
        """Build the network."""
        return nn.Sequential(nn.Linear(self.bits, self.hidden), nn.ReLU(), nn.Linear(self.hidden, 1))

    def make_data(self) -> tuple[Any, Any]:  # type: ignore[override]  # of ModuleProblem
        """Draw the bits from a fixed seed; the target is 1 if the product of the first three is positive."""
        generator = Generator().manual_seed(DATA_SEED)
        count = VALIDATION_SAMPLES + self.samples
        x = 2.0 * torch.randint(2, (count, self.bits), generator=generator) - 1
        y = (x[:, :3].prod(-1, keepdim=True) + 1) / 2
        validation = slice(VALIDATION_SAMPLES)
        training = slice(VALIDATION_SAMPLES, None)
        return (x[training], y[training]), (x[validation], y[validation])

    def loss_of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean logistic loss."""
        return binary_cross_entropy_with_logits(outputs, targets)

    def measure_accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of samples that are classified correctly."""
        return ((outputs > 0) == (targets > 0.5)).to(torch.float32).mean()
