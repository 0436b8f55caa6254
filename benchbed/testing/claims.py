"""Claim that numbers agree and that nothing was touched, and say plainly where they do not."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from benchbed.engine.pytrees import leaves, map_tensors

TOLERANCE = 1e-12
"""Relative: what differently vectorized float64 sums differ by in one step, with room to spare."""


class ConformanceError(AssertionError):
    """A plugin breaks a rule of the contract; the message says which and how."""


def claim(holds: bool, fault: str) -> None:
    """Raise ConformanceError with `fault` unless it `holds`."""
    if not holds:
        raise ConformanceError(fault)


def claim_close(value: Any, reference: Any, what: str, tolerance: float = TOLERANCE) -> None:
    """Claim that two trees of tensors agree, relative to the larger numbers in each."""
    pairs = list(zip(leaves(value), leaves(reference), strict=True))
    for index, (left, right) in enumerate(pairs):
        claim(left.shape == right.shape, f"{what}: shape {tuple(left.shape)} instead of {tuple(right.shape)}")
        scale = max(1.0, right.abs().max().item()) if right.numel() else 1.0
        same = torch.allclose(
            left.double(), right.double(), rtol=tolerance, atol=tolerance * scale, equal_nan=True
        )
        worst = (left.double() - right.double()).abs().max().item() if left.numel() else 0.0
        claim(same, f"{what}: tensor {index} of {len(pairs)} differs by up to {worst:.3g}")


@contextmanager
def untouched(what: str, *arguments: Any) -> Iterator[None]:
    """Claim that the tensors of `arguments` are, to the bit, what they were."""
    before = [
        copy.deepcopy(map_tensors(lambda leaf: leaf.detach().clone(), argument)) for argument in arguments
    ]
    yield
    for now, then in zip(arguments, before, strict=True):
        for left, right in zip(leaves(now), leaves(then), strict=True):
            claim(
                torch.equal(left.nan_to_num(), right.nan_to_num()),
                f"{what} writes to its arguments; make new tensors instead (no `add_`, no `out=`)",
            )


@contextmanager
def without_global_randomness(what: str) -> Iterator[None]:
    """Claim that torch's global generator is neither used nor seeded."""
    before = torch.get_rng_state()
    yield
    claim(
        torch.equal(before, torch.get_rng_state()),
        f"{what} uses torch's global generator; draw from the generator it is given, or not at all",
    )


def same_twice(what: str, first: Any, second: Any) -> None:
    """Claim that two calls with equal arguments gave equal bits."""
    for left, right in zip(leaves(first), leaves(second), strict=True):
        claim(
            left.shape == right.shape and torch.equal(left.nan_to_num(), right.nan_to_num()),
            f"{what} gives other numbers when called again with equal arguments",
        )


def shape_of(tensor: Tensor) -> tuple[int, ...]:
    """Give a shape as a plain tuple, for messages."""
    return tuple(tensor.shape)
