"""What the problems share whose steps see a few samples of many."""

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Problem, target_ladder


class MiniBatches(Problem):
    """Draw `batch_size` of `samples` in each step, with replacement; a subclass is a frozen dataclass with both."""

    samples: int
    batch_size: int

    def __post_init__(self) -> None:
        """Raise ValueError for sizes below 1, or a batch larger than the sample."""
        for name in ("samples", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give at least 1")
        if self.batch_size > self.samples:
            raise ValueError(
                f"batch_size is {self.batch_size}, above samples, {self.samples}; give a smaller batch"
            )

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻⁴: the gradients are those of mini-batches."""
        return target_ladder(0.5)

    @property
    def full_price(self) -> float:
        """Samples / batch size."""
        return self.samples / self.batch_size

    def make_draws(self, generator: Generator, steps: int) -> Tensor:
        """Draw the mini-batches' indices: `[steps, batch_size]`."""
        return torch.randint(self.samples, (steps, self.batch_size), generator=generator)
