"""The parameter `start`: a number for every coordinate, a list, or None for a random start."""

import math

import torch
from torch import Tensor

Start = float | tuple[float, ...] | None
"""Value of the parameter `start`."""


def check_start(start: Start, dimension: int) -> None:
    """Raise ValueError unless `start` is None, a finite number, or `dimension` finite numbers."""
    if isinstance(start, tuple) and len(start) != dimension:
        raise ValueError(
            f"start has {len(start)} coordinates; must have {dimension}, or be one number for all of them"
        )
    if start is not None and not all(math.isfinite(value) for value in _coordinates(start)):
        raise ValueError(f"start is {start}; must be finite")


def fixed_start(start: float | tuple[float, ...], dimension: int) -> Tensor:
    """Build the start that the user set: `[dimension]`."""
    return torch.tensor(_coordinates(start), dtype=torch.float64).expand(dimension).clone()


def _coordinates(start: float | tuple[float, ...]) -> tuple[float, ...]:
    return start if isinstance(start, tuple) else (start,)
