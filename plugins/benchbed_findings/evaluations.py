"""A record of the points at which an optimizer evaluates a loss with its gradient."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

Measurement = TypeVar("Measurement")


def recorded(
    loss: Callable[[Tensor], Tensor], measure: Callable[[Tensor], Measurement]
) -> tuple[Callable[[Tensor], Tensor], list[Measurement]]:
    """Return a loss that measures each new point at which its gradient is computed, and the list of measurements.

    The first point is the start. `benchbed.minimize` also evaluates the loss without a gradient, and repeats points
    to measure the gradient's norm; neither is recorded.
    """
    measurements: list[Measurement] = []
    last: Tensor | None = None

    def recording(theta: Tensor) -> Tensor:
        nonlocal last
        point = theta.detach()
        if theta.requires_grad and (last is None or not torch.equal(point, last)):
            last = point.clone()
            measurements.append(measure(point))
        return loss(theta)

    return recording, measurements
