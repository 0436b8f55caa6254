"""Assertions of the conformance checks: equal tensors, no global randomness."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from benchbed.engine.global_random import watched_generators
from benchbed.engine.pytrees import leaves

TOLERANCE = 1e-12
"""Relative difference allowed between float64 sums that are vectorized differently, in one step."""


class ConformanceError(AssertionError):
    """A plugin breaks a rule of the contract; the message names the rule and the difference."""


def require(condition: bool, message: str) -> None:
    """Raise ConformanceError with `message` unless `condition` holds."""
    if not condition:
        raise ConformanceError(message)


def require_close(
    value: Any, reference: Any, subject: str, tolerance: float = TOLERANCE, remedy: str = ""
) -> None:
    """Require that two trees of tensors agree, relative to the largest number of each tensor.

    The message begins with the subject, and ends with the remedy.
    """
    # torch computes no difference of Booleans
    pairs = [(a.double(), b.double()) for a, b in zip(leaves(value), leaves(reference), strict=True)]
    for index, (left, right) in enumerate(pairs):
        shape, expected_shape = tuple(left.shape), tuple(right.shape)
        require(shape == expected_shape, f"{subject}: shape {shape} instead of {expected_shape}")
        scale = max(1.0, right.abs().max().item()) if right.numel() else 1.0
        is_close = torch.allclose(left, right, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
        difference = (left - right).abs().max().item() if left.numel() else 0.0
        fault = f"{subject}: tensor {index} of {len(pairs)} differs by up to {difference:.3g}"
        require(is_close, f"{fault}; {remedy}" if remedy else fault)


def require_equal(value: Any, reference: Any, message: str) -> None:
    """Require that two trees of tensors are equal to the bit."""
    for left, right in zip(leaves(value), leaves(reference), strict=True):
        require(torch.equal(left.nan_to_num(), right.nan_to_num()), message)


@contextmanager
def without_global_randomness(subject: str) -> Iterator[None]:
    """Require that no global generator is used or seeded in this context."""
    with watched_generators() as used_generator:
        yield
        generator = used_generator()
    require(generator is None, f"{subject} uses {generator}; draw from the generator argument")
