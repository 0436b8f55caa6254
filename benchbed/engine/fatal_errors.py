"""Recognition of exceptions after which a process is not to be used, whichever code raised them."""

import torch

from benchbed.interfaces import TrialStatus

CPU_ALLOCATOR = "DefaultCPUAllocator: can't allocate memory"
"""Text in the exceptions of torch's allocator for the CPU, which have no type of their own."""
CUDA_START = "CUDA error: out of memory"
"""Text in the exceptions of CUDA if its start does not fit into the device, whose type is that of all its errors."""


def fatal_status(error: BaseException) -> TrialStatus | None:
    """Return the status of trials that an exception ends together with their process; None if the process goes on.

    `OUT_OF_MEMORY`: Python, NumPy or torch, on the CPU or on CUDA, could not allocate memory. `CRASHED`: a device
    reported an error, such as a failed assertion in a kernel, after which it rejects all work of the process. If CUDA
    goes on, the error is that of the code, such as the number of a device that the process does not have.
    """
    is_of_cpu_allocator = isinstance(error, RuntimeError) and CPU_ALLOCATOR in str(error)
    is_of_device = isinstance(error, torch.AcceleratorError)
    is_of_cuda_start = is_of_device and CUDA_START in str(error)
    if is_of_cpu_allocator or is_of_cuda_start or isinstance(error, MemoryError | torch.OutOfMemoryError):
        return TrialStatus.OUT_OF_MEMORY
    return TrialStatus.CRASHED if is_of_device and not _goes_on() else None


def _goes_on() -> bool:
    """Return whether CUDA accepts work of this process after an error."""
    if not torch.cuda.is_initialized():
        return False  # the error comes from another process, or from a device that cannot be asked
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return False
    return True
