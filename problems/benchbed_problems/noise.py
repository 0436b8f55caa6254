"""Synthetic gradient noise: a normal vector, drawn for each step and added to the exact gradient."""

import math

import torch
from torch import Generator, Tensor


def check_noise(name: str, deviation: float) -> None:
    """Raise ValueError unless `deviation` can be a standard deviation."""
    if not (math.isfinite(deviation) and deviation >= 0):
        raise ValueError(f"{name} is {deviation}; give a standard deviation, a finite number of at least 0")


def make_noise(generator: Generator, steps: int, dimension: int, deviation: float) -> Tensor | None:
    """Draw the noise of `steps` steps, `[steps, dimension]`; None if `deviation` is 0: nothing is random.

    The normal numbers have 24 bits, which is more than noise needs and takes torch a fifth of the time of 53.
    """
    if not deviation:
        return None
    normal = torch.randn(steps, dimension, generator=generator, dtype=torch.float32)
    return deviation * normal.double()


def tilt(objective: Tensor, theta: Tensor, noise: Tensor | None) -> Tensor:
    """Add noise · θ to `objective: [...]`, so that the gradient is the exact one plus the noise."""
    return objective if noise is None else objective + (noise * theta).sum(-1)
