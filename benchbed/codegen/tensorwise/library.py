"""Hold the compiled program of a step of tensors."""

import ctypes

from benchbed.codegen.compiled_step import ARGUMENTS, Library
from benchbed.codegen.compiler import load
from benchbed.codegen.template import Source
from benchbed.codegen.tensorwise.codegen import write_program
from benchbed.codegen.trace import Trace


class TensorLibrary(Library):
    """The program that steps lanes one by one."""

    def __init__(self, trace: Trace, width: int, source: Source | None = None) -> None:
        """Compile the program of a traced step, as it is written unless its `source` is given."""
        self._trace, self._axis, self._width = trace, "lanes", 1
        self._lanes = trace.roles.count("lane")
        self.source = source or write_program(trace, width)
        self.program = load(self.source.text, "-ffp-contract=fast")
        self._run = self.program.advance
        self._run.argtypes = ARGUMENTS
        self._run.restype = ctypes.c_int64

    def _call(self, *arguments: object) -> None:
        outcome = self._run(*arguments)
        if outcome < 0:
            raise MemoryError("no memory for a step")
        if outcome > 0:
            raise IndexError("an index is out of range")
