"""Recognition of failed allocations, which end a trial otherwise than an error of a plugin does."""

import torch

CPU_ALLOCATOR = "DefaultCPUAllocator: can't allocate memory"
"""Text in the exceptions of torch's allocator for the CPU, which have no type of their own."""


def is_failed_allocation(error: BaseException) -> bool:
    """Return whether Python, NumPy or torch, on the CPU or on CUDA, could not allocate memory."""
    if isinstance(error, RuntimeError) and CPU_ALLOCATOR in str(error):
        return True
    return isinstance(error, MemoryError | torch.OutOfMemoryError)
