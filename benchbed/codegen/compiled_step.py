"""A compiled step, and its execution on the tensors of a batch."""

import ctypes
import functools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from benchbed.codegen.compiler import load
from benchbed.codegen.denormals import flushes_denormals
from benchbed.codegen.kept_sources import keep_source
from benchbed.codegen.template import GeneratedSource
from benchbed.codegen.trace import TracedStep

REGISTER_BYTES = {"AVX512": 64, "AVX2": 32}
"""By torch's name of the processor's capability; 16 for others."""
OPERATIONS_PER_THREAD = 500_000
"""Vector operations that justify waking another thread."""
MAX_THREADS = 256
"""Threads that a process keeps; further tasks wait in a queue."""
ARGUMENT_TYPES: list[type[ctypes.c_void_p] | type[ctypes.c_int64]] = [
    ctypes.c_void_p,  # stops
    *[ctypes.c_int64] * 5,  # stop_count, seeds, settings, first_group, end_group
    *[ctypes.c_void_p] * 2,  # inputs, outputs
]
NUMPY_TYPES = {
    dtype: torch.empty(0, dtype=dtype).numpy().dtype
    for dtype in (torch.float64, torch.float32, torch.int64, torch.int32, torch.bool)
}


def vector_width(dtype: torch.dtype) -> int:
    """Return how many numbers of `dtype` a vector register of this processor holds."""
    return REGISTER_BYTES.get(torch.backends.cpu.get_cpu_capability(), 16) // dtype.itemsize


class CompiledStep:
    """The compiled function of a traced step.

    Raises CompilationError if the source cannot be compiled.
    """

    def __init__(self, traced: TracedStep, source: GeneratedSource) -> None:
        self.source = source
        self._traced = traced
        self._lane_tensors = traced.kinds.count("lane")
        keep_source(traced, source)
        self.library = load(source.text, *source.flags)
        self._function = self.library.advance
        self._function.argtypes = ARGUMENT_TYPES
        self._function.restype = ctypes.c_int64

    def check(self, inputs: Sequence[Tensor]) -> None:
        """Raise TypeError unless `inputs` have the types and shapes of the traced inputs."""
        self._traced.check(inputs)

    def operations(self, steps: int, seeds: int, settings: int) -> int:
        """Estimate the vector operations of `steps` steps of the lanes `[seeds, settings]`."""
        return steps * self.source.groups.total(seeds, settings) * self.source.operations

    def run(
        self,
        stops: Sequence[int],
        seeds: int,
        settings: int,
        inputs: Sequence[Tensor],
        threads: int | None = None,
    ) -> list[list[Tensor]]:
        """Return the tensors of the lanes `[seeds, settings]` after each number of steps in the ascending `stops`.

        `inputs` are not modified; they must pass `check`. At most `threads` threads (default: those of torch) share
        the lanes.
        """
        contiguous = [inputs[position].contiguous() for position in self.source.reads]
        lanes = list(inputs[: self._lane_tensors])
        outputs = [_empty(len(stops), lanes[position]) for position in self.source.changes]
        groups = self.source.groups.total(seeds, settings)
        useful_threads = self.operations(stops[-1], seeds, settings) // OPERATIONS_PER_THREAD
        tasks = max(1, min(threads or torch.get_num_threads(), groups, useful_threads))
        edges = [groups * task // tasks for task in range(tasks + 1)]
        stop_array = (ctypes.c_int64 * len(stops))(*stops)
        pointers = _pointers(contiguous), _pointers(outputs)
        calls = [(stop_array, len(stops), seeds, settings, *edge, *pointers) for edge in pairwise(edges)]
        with _one_torch_thread() if self.source.called_operations else nullcontext():
            self._run_tasks(calls)
        unbound = [tensor.unbind() for tensor in outputs]
        results = [list(lanes) for _ in stops]
        for index, tensors in enumerate(results):
            for position, values in zip(self.source.changes, unbound, strict=True):
                tensors[position] = values[index]
        return results

    def _run_tasks(self, tasks: Sequence[tuple[object, ...]]) -> None:
        """Call the function for each task, in threads: ctypes releases the interpreter's lock."""
        first, *remaining = tasks
        if not remaining:
            self._call(*first)
            return
        flush = flushes_denormals()
        futures = [_thread_pool().submit(self._call_in_thread, flush, *task) for task in remaining]
        try:
            self._call(*first)
        finally:
            wait(futures)  # they write to tensors that are freed if this call raises
        for future in futures:
            future.result()

    def _call_in_thread(self, flush: bool, *arguments: object) -> None:
        torch.set_flush_denormal(flush)  # a setting of each thread
        if self.source.called_operations:
            torch.set_num_threads(1)  # likewise
        self._call(*arguments)

    def _call(self, *arguments: object) -> None:
        status = self._function(*arguments)
        if status < 0:
            raise MemoryError("no memory for a compiled step")
        if status == 1:
            raise IndexError("an index is out of range")
        if status > 1:
            raise RuntimeError(f"an operation of torch failed in a compiled step: {self._last_error()}")

    def _last_error(self) -> str:
        """Return torch's last error in this thread."""
        last_error = self.library.last_error
        last_error.restype = ctypes.c_char_p
        text: bytes = last_error()
        return text.decode(errors="replace")


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """Let torch's operations use the calling thread only: sums over the parts of several threads differ in bits."""
    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _empty(count: int, tensor: Tensor) -> Tensor:
    # NumPy takes a third of torch's time, which matters where there are few steps between two checkpoints.
    return torch.from_numpy(np.empty((count, *tensor.shape), NUMPY_TYPES[tensor.dtype]))


@functools.cache
def _thread_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="benchbed-steps")


def _pointers(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    return _pointer_array(len(tensors))(*[tensor.data_ptr() for tensor in tensors])


@functools.cache
def _pointer_array(length: int) -> type[ctypes.Array[ctypes.c_void_p]]:
    return ctypes.c_void_p * length
