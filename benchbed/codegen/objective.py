"""Measure the objective by a program of lanes, where it is long: over all samples, and not over a mini-batch."""

from collections.abc import Hashable

from torch import Tensor

from benchbed.codegen.compiled_step import width_of
from benchbed.codegen.expressions import NotWrittenError
from benchbed.codegen.tensorwise.codegen import write_program
from benchbed.codegen.tensorwise.library import TensorLibrary
from benchbed.codegen.trace import trace_objective
from benchbed.engine.pytrees import TreeTemplate, leaves
from benchbed.engine.sampling import Instances

KEPT = 32
"""Programs that a process keeps."""
MOST_BYTES = 1 << 26
"""Of a lane's tensors, for each thread."""


class NativeObjective:
    """The objective of a problem, for any number of seeds and settings."""

    def __init__(self, instances: Instances, theta: Tensor) -> None:
        trace, width = trace_objective(instances, theta), width_of(theta.dtype)
        self._data = TreeTemplate(instances.data)
        self._library = TensorLibrary(trace, width, write_program(trace, width, MOST_BYTES))

    def measure(self, instances: Instances, theta: Tensor, threads: int | None = None) -> Tensor:
        """Give the objective `[seeds, settings]` at `theta: [seeds, settings, dimension]`.

        Raises TypeError if data differ from those traced in something beside their numbers.
        """
        if not self._data.matches(instances.data):
            raise TypeError("data differ between batches in something beside tensors")
        seeds, settings = theta.shape[:2]
        data = [leaf.contiguous() for leaf in leaves(instances.data)]
        inputs = [theta, theta.new_empty(seeds, settings), *data]
        self._library.check(inputs)
        return self._library.run([1], seeds, settings, inputs, threads)[0][1]


def native_objective(instances: Instances, theta: Tensor) -> NativeObjective:
    """Give the objective of a problem as a program, made once a process.

    Raises NotWrittenError for what is not written here, NoCompilerError without a compiler, and whatever torch or the
    plugin raises where the objective cannot be traced.
    """
    if theta.device.type != "cpu":
        raise NotWrittenError(f"an objective on {theta.device.type}")
    key = instances.problem, repr(instances.problem), theta.dtype
    if key not in _made:
        if len(_made) == KEPT:
            _made.clear()
        _made[key] = NativeObjective(instances, theta)
    return _made[key]


_made: dict[Hashable, NativeObjective] = {}
