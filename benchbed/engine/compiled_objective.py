"""The objective as a generated C++ function, for problems whose objective is long."""

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from benchbed.codegen.compiled_step import CompiledStep, vector_width
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.tensorwise.codegen import generate
from benchbed.codegen.trace import InputKind, TracedStep, trace_function
from benchbed.engine.compiled_backend import data_of_one_seed
from benchbed.engine.oracle import batched
from benchbed.engine.pytrees import Tree, TreeTemplate, leaves
from benchbed.engine.sampling import Instances
from benchbed.interfaces import BufferedData

MAX_CACHED_OBJECTIVES = 32
"""Objectives that a process keeps compiled."""
MAX_BYTES = 1 << 26
"""Bytes of a lane's tensors, for each thread."""


class GeneratedObjective:
    """The compiled objective of a problem, for any number of seeds and settings."""

    def __init__(self, instances: Instances, theta: Tensor, buffers: Tree) -> None:
        traced = trace_objective(instances, theta, buffers)
        self._data = TreeTemplate(instances.data)
        self._compiled = CompiledStep(traced, generate(traced, vector_width(theta.dtype), MAX_BYTES))

    def measure(
        self, instances: Instances, theta: Tensor, threads: int | None = None, buffers: Tree = None
    ) -> Tensor:
        """Return the objective `[seeds, settings]` at `theta: [seeds, settings, dimension]`.

        Raises TypeError if the data differ from the traced data in more than their tensors.
        """
        self._data.require_match(instances.data)
        seeds, settings = theta.shape[:2]
        data = [leaf.contiguous() for leaf in leaves(instances.data)]
        inputs = [theta, theta.new_empty(seeds, settings), *leaves(buffers), *data]
        self._compiled.check(inputs)
        return self._compiled.run([1], seeds, settings, inputs, threads)[0][1]


def generated_objective(instances: Instances, theta: Tensor, buffers: Tree = None) -> GeneratedObjective:
    """Return the compiled objective of a problem, built once a process.

    Raises UnsupportedOperationError for an operation that the generator does not support, CompilationError without a
    compiler, and the error of torch or the plugin where the objective cannot be traced.
    """
    if theta.device.type != "cpu":
        raise UnsupportedOperationError(f"an objective on {theta.device.type}")
    key = instances.problem, repr(instances.problem), theta.dtype
    if key not in _cache:
        if len(_cache) == MAX_CACHED_OBJECTIVES:
            _cache.clear()
        _cache[key] = GeneratedObjective(instances, theta, buffers)
    return _cache[key]


_cache: dict[Hashable, GeneratedObjective] = {}


def trace_objective(instances: Instances, theta: Tensor, buffers: Tree = None) -> TracedStep:
    """Trace the objective at `theta: [seeds, settings, dimension]` for one lane.

    The result is a step of a lane with θ, the value of the objective and the buffers: it replaces the value and leaves
    the others unchanged.
    """
    data_template, buffer_template = TreeTemplate(instances.data), TreeTemplate(buffers)
    objective = batched(instances.problem, instances.problem.objective)

    def step(lane: Sequence[Tensor], tensors: Sequence[Tensor]) -> list[Tensor]:
        data = data_template.fill(tensors)
        if buffers is not None:
            data = BufferedData(data, buffer_template.fill(lane[2:]))
        return [lane[0], objective(lane[0], data), *lane[2:]]

    lane = [theta[:1, :1].contiguous(), theta.new_zeros(1, 1)]
    lane += [leaf[:1, :1].contiguous() for leaf in leaves(buffers)]
    data_kind, data = data_of_one_seed(instances)
    with torch.no_grad():
        graph = trace_function(step, lane, data)
    kinds: list[InputKind] = ["lane" for _ in lane]
    kinds += [data_kind for _ in data]
    return TracedStep(graph, kinds, [*lane, *data], name="objective")
