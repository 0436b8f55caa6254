"""Hold a compiled program, and run it on the tensors of a tile."""

import ctypes
import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from benchbed.codegen.compiler import load
from benchbed.codegen.lanewise.codegen import write_program
from benchbed.codegen.lanewise.inputs import Axis
from benchbed.codegen.trace import Trace
from benchbed.engine.denormals import flushes_denormals

REGISTER_BYTES = {"AVX512": 64, "AVX2": 32}
"""By what torch calls the processor; 16 for others."""
WORTH_A_THREAD = 500_000
"""Operations on vectors for which a thread is worth waking."""
MOST_THREADS = 256
"""Threads that a process keeps; parts beyond them wait for their turn."""
ARGUMENTS: list[type[ctypes.c_void_p] | type[ctypes.c_int64]] = [
    ctypes.c_void_p,
    *[ctypes.c_int64] * 5,
    *[ctypes.c_void_p] * 2,
]
"""Stops and their number, seeds, settings, the first and the last of the lanes' groups; what is given, what is made."""
NUMPY_TYPES = {
    kind: torch.empty(0, dtype=kind).numpy().dtype
    for kind in (torch.float64, torch.float32, torch.int64, torch.int32, torch.bool)
}


def width_of(dtype: torch.dtype) -> int:
    """Say how many numbers a register holds: so many lanes are stepped together."""
    return REGISTER_BYTES.get(torch.backends.cpu.get_cpu_capability(), 16) // dtype.itemsize


def groups_of(axis: Axis, seeds: int, settings: int, width: int) -> int:
    """Count the groups of `width` lanes that are stepped together."""
    return seeds * -(-settings // width) if axis == "settings" else -(-seeds * settings // width)


class Library:
    """The program of a traced step.

    Raises NotWrittenError for what is not written here, and NoCompilerError without a compiler.
    """

    def __init__(self, trace: Trace, axis: Axis, width: int) -> None:
        self._trace, self._axis, self._width = trace, axis, width
        self._lanes = trace.roles.count("lane")
        self.source = write_program(trace, axis, width)
        self._run = load(self.source.text).advance
        self._run.argtypes = ARGUMENTS
        self._run.restype = None

    def check(self, inputs: Sequence[Tensor]) -> None:
        """Raise TypeError unless inputs are, lane by lane, what was traced."""
        self._trace.check(inputs)

    def operations(self, steps: int, seeds: int, settings: int) -> int:
        """Count the operations on vectors that `steps` steps of the lanes `[seeds, settings]` take."""
        return steps * groups_of(self._axis, seeds, settings, self._width) * self.source.operations

    def run(
        self,
        stops: Sequence[int],
        seeds: int,
        settings: int,
        inputs: Sequence[Tensor],
        threads: int | None = None,
    ) -> list[list[Tensor]]:
        """Step the lanes `[seeds, settings]`; give their tensors after each of `stops` steps, the inputs unchanged.

        The inputs must be, lane by lane, what was traced; `check` tells. Up to `threads` share the lanes, or as many as
        torch has.
        """
        given = [inputs[position].contiguous() for position in self.source.reads]
        lanes = list(inputs[: self._lanes])
        made = [_room(len(stops), lanes[position]) for position in self.source.changes]
        groups = groups_of(self._axis, seeds, settings, self._width)
        # ctypes lets go of the interpreter's lock, so that threads run side by side.
        worth = self.operations(stops[-1], seeds, settings) // WORTH_A_THREAD
        parts = max(1, min(threads or torch.get_num_threads(), groups, worth))
        edges = [0, groups] if parts == 1 else [groups * part // parts for part in range(parts + 1)]
        where = (ctypes.c_int64 * len(stops))(*stops), len(stops)
        places = _pointers(given), _pointers(made)
        self._in_threads([(*where, seeds, settings, *edge, *places) for edge in pairwise(edges)])
        return self._at_stops(len(stops), lanes, made)

    def _at_stops(self, count: int, lanes: list[Tensor], made: Sequence[Tensor]) -> list[list[Tensor]]:
        several = [tensor.unbind() for tensor in made]
        ahead = [list(lanes) for _ in range(count)]
        for number, tensors in enumerate(ahead):
            for position, one in zip(self.source.changes, several, strict=True):
                tensors[position] = one[number]
        return ahead

    def _in_threads(self, calls: Sequence[tuple[object, ...]]) -> None:
        if len(calls) == 1:
            self._call(*calls[0])
            return
        first, *others = calls
        flush = flushes_denormals()
        waiting = [_pool().submit(self._call_as, flush, *call) for call in others]
        try:
            self._call(*first)
        finally:
            wait(waiting)  # they write to tensors that nobody would hold once this one had raised
        for part in waiting:
            part.result()

    def _call_as(self, flush: bool, *arguments: object) -> None:
        torch.set_flush_denormal(flush)  # each thread has its own say
        self._call(*arguments)

    def _call(self, *arguments: object) -> None:
        self._run(*arguments)


def _room(count: int, tensor: Tensor) -> Tensor:
    # By NumPy, which takes a third of the time: there may be but a few steps between two checkpoints.
    return torch.from_numpy(np.empty((count, *tensor.shape), NUMPY_TYPES[tensor.dtype]))


@functools.cache
def _pool() -> ThreadPoolExecutor:
    """Give threads that wait for work from chunk to chunk; there are as many as were ever needed at a time."""
    return ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="benchbed-steps")


def _pointers(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    return _places(len(tensors))(*[tensor.data_ptr() for tensor in tensors])


@functools.cache
def _places(count: int) -> type[ctypes.Array[ctypes.c_void_p]]:
    return ctypes.c_void_p * count
