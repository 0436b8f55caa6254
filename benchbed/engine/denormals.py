"""Find out what this thread does with numbers too small for a full mantissa; torch can only be told."""

import torch

_SMALLEST = torch.finfo(torch.float64).smallest_normal


def flushes_denormals() -> bool:
    """Tell whether this thread takes numbers below the smallest normal one for 0."""
    half = torch.full((), _SMALLEST, dtype=torch.float64) / 2
    return not half.item()
