"""Base class of the problems whose steps use mini-batches."""

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Problem, target_ladder


class MiniBatchProblem(Problem):
    """Problem that draws `batch_size` of its `samples` for each step, with replacement.

    A subclass is a frozen dataclass with these two fields.
    """

    samples: int
    batch_size: int

    def __post_init__(self) -> None:
        """Raise ValueError for sizes below 1, or a batch larger than the sample."""
        for name in ("samples", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; must be at least 1")
        if self.batch_size > self.samples:
            raise ValueError(
                f"batch_size is {self.batch_size}, but samples is {self.samples}; choose a smaller batch"
            )

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻⁴, because the gradients are noisy."""
        return target_ladder(0.5)

    @property
    def full_price(self) -> float:
        """Samples / batch size."""
        return self.samples / self.batch_size

    def make_draws(self, generator: Generator, steps: int) -> Tensor:
        """Draw the indices of the mini-batches: `[steps, batch_size]`."""
        return torch.randint(self.samples, (steps, self.batch_size), generator=generator)
