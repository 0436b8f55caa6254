"""Comparison of compiled steps with eager ones: a trace may have made a constant of a value that changes."""

from collections.abc import Callable

import torch

from benchbed.engine.pytrees import Lanes

CONFIRMED_DIGITS = {torch.float64: 1e-6, torch.float32: 1e-2}
"""Largest difference between the two, relative to the largest parameter: far beyond their rounding errors."""
SENSITIVITY_FACTOR = 10
"""How many times the effect of rounding θ a difference may reach."""


def require_agreement(before: Lanes, compiled: Lanes, advance: Callable[[Lanes], Lanes]) -> None:
    """Compare the lanes after compiled steps from `before` with those after eager ones, which `advance` runs.

    Raises: RuntimeError if they differ by more than rounding errors explain.
    """
    eager = advance(before)
    both = (compiled.running & eager.running).unsqueeze(-1) & eager.theta.isfinite()
    difference = (compiled.theta - eager.theta).where(both, 0).abs()
    scale = torch.maximum(eager.theta.abs(), before.theta.abs()).where(both, 0).amax(dim=-1, keepdim=True)
    limit = CONFIRMED_DIGITS[eager.theta.dtype] * scale
    if (difference <= limit).all():
        return
    # Where a derivative is zero but for rounding errors, these alone decide the direction of Adam.
    signs = 1 - 2 * (torch.arange(before.theta.shape[-1], device=before.theta.device) % 2)
    nearby = before.theta * (1 + 4 * torch.finfo(eager.theta.dtype).eps * signs)
    effect = (advance(before._replace(theta=nearby)).theta - eager.theta).where(both, 0).abs()
    limit = limit + SENSITIVITY_FACTOR * effect.amax(dim=-1, keepdim=True).nan_to_num(nan=torch.inf)
    if not (difference <= limit).all():
        steps = int((eager.steps - before.steps).max())
        raise RuntimeError(f"theta differs by up to {difference.max().item():.3g} after {1 + steps} steps")
