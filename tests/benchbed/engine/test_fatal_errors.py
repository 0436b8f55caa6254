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
    """Torch has a type for it, but not for a process that CUDA cannot start in."""
    assert fatal_status(torch.cuda.OutOfMemoryError("CUDA out of memory")) is TrialStatus.OUT_OF_MEMORY
    error = torch.AcceleratorError("CUDA error: out of memory\nCUDA kernel errors might be asynchronous")
    assert fatal_status(error) is TrialStatus.OUT_OF_MEMORY


@pytest.fixture
def broken_cuda(monkeypatch):
    """Replace CUDA by an initialized device that rejects all work after an error."""

    def synchronize():
        raise torch.AcceleratorError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)


def test_an_error_after_which_a_device_rejects_work_is_recognized(broken_cuda):
    """The process cannot use the device any more."""
    error = torch.AcceleratorError("CUDA error: device-side assert triggered")
    assert fatal_status(error) is TrialStatus.CRASHED
    assert fatal_status(RuntimeError("shapes differ")) is None


def test_an_error_of_a_device_that_goes_on_is_not_fatal(broken_cuda, monkeypatch):
    """A plugin asks for a device that the process does not have; all others can go on."""
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    assert fatal_status(torch.AcceleratorError("CUDA error: invalid device ordinal")) is None


def test_an_error_of_a_device_of_another_process_is_recognized():
    """This process has not used CUDA, and cannot ask the device."""
    assert not torch.cuda.is_initialized()
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
