"""Exceptions after which a process is not to be used are recognized, and other exceptions are not."""

import numpy as np
import pytest
import torch

from benchbed.engine.fatal_errors import fatal_status
from benchbed.interfaces import TrialStatus


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
    assert fatal_status(error.value) is TrialStatus.OUT_OF_MEMORY


def test_a_failed_allocation_on_cuda_is_recognized():
    """Torch has a type for it."""
    assert fatal_status(torch.cuda.OutOfMemoryError("CUDA out of memory")) is TrialStatus.OUT_OF_MEMORY


def test_an_error_of_a_device_is_recognized():
    """The process cannot use the device any more."""
    error = torch.AcceleratorError("CUDA error: device-side assert triggered")
    assert fatal_status(error) is TrialStatus.CRASHED


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shapes differ"),
        RuntimeError("CUDA error: device-side assert triggered"),
        ValueError("can't allocate memory"),
        KeyboardInterrupt(),
    ],
)
def test_other_exceptions_are_not_fatal(error):
    """Neither are those of another type with such a text."""
    assert fatal_status(error) is None
