"""Failed allocations are recognized, and other exceptions are not."""

import numpy as np
import pytest
import torch

from benchbed.engine.allocations import is_failed_allocation


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: torch.empty(1 << 60, dtype=torch.uint8),
        lambda: np.empty(1 << 60, dtype=np.uint8),
        lambda: bytearray(1 << 60),
    ],
    ids=["torch", "NumPy", "Python"],
)
def test_a_failed_allocation_is_recognized(allocate):
    """No machine has 2⁶⁰ bytes; torch has no type for it on the CPU."""
    with pytest.raises((MemoryError, RuntimeError)) as error:
        allocate()
    assert is_failed_allocation(error.value)


def test_a_failed_allocation_on_cuda_is_recognized():
    """Torch has a type for it."""
    assert is_failed_allocation(torch.OutOfMemoryError("CUDA out of memory"))


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), ValueError("can't allocate memory"), KeyboardInterrupt()]
)
def test_other_exceptions_are_not_failed_allocations(error):
    """Neither are those of another type with such a text."""
    assert not is_failed_allocation(error)
