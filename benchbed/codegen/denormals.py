"""The treatment of denormal numbers by the current thread, which torch can set but not report."""

import torch

_SMALLEST_NORMAL = torch.finfo(torch.float64).smallest_normal


def flushes_denormals() -> bool:
    """Return whether this thread replaces results below the smallest normal number by 0."""
    half = torch.full((), _SMALLEST_NORMAL, dtype=torch.float64) / 2
    return not half.item()
