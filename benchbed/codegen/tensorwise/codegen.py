"""Generation of the tensorwise source of a traced step."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import fx

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.fx_nodes import operation_name, positional_arguments
from benchbed.codegen.template import GeneratedSource, LaneGroups, fill_template, indent, read_template
from benchbed.codegen.tensorwise.allocation import StridedMemory
from benchbed.codegen.tensorwise.calls import LINKER_FLAGS, call_operation
from benchbed.codegen.tensorwise.fusion import FusionEmitter
from benchbed.codegen.tensorwise.loops import copy_loops
from benchbed.codegen.tensorwise.operations import OPERATIONS
from benchbed.codegen.tensorwise.passes import run_passes
from benchbed.codegen.tensorwise.selections import selecting_conditions
from benchbed.codegen.trace import InputKind, TracedStep

MIN_BYTES = 64
MAX_BYTES = 1 << 24
"""Bytes of a lane's tensors in a step, which should stay in the cache."""
POINTER_OFFSETS: dict[InputKind, str] = {"seed": "seed", "setting": "setting", "shared": "0"}
STEP_POINTER_OFFSETS: dict[InputKind, str] = {"step_seed": "(step * seeds + seed)", "step": "step"}
"""C++ expressions for the index of a lane's (and a step's) part of an input."""


class TensorwiseInput(NamedTuple):
    """An input of a tensorwise step, and its location in memory."""

    position: int
    kind: InputKind
    memory: StridedMemory

    @property
    def size(self) -> int:
        """Numbers a lane and step."""
        return self.memory.view.numel()


def generate(traced: TracedStep, width: int, max_bytes: int = MAX_BYTES) -> GeneratedSource:
    """Generate the source that steps one lane after another, `width` numbers of a tensor at a time.

    Raises UnsupportedOperationError for an operation, type or size that this form does not support, and for a lane
    that needs more than `max_bytes`.
    """
    graph = run_passes(traced.graph.graph)
    emitter = FusionEmitter(width, selecting_conditions(graph))
    placeholders = graph.find_nodes(op="placeholder")
    sources = _locate_inputs(emitter, traced, placeholders)
    emitter.values.update({node: source.memory for node, source in sources.items()})
    for node in graph.nodes:
        if node.op == "get_attr":
            emitter.values[node] = emitter.constant(getattr(traced.graph, str(node.target)))
        elif node.op == "call_function":
            try:
                _lower(emitter, node)
            except UnsupportedOperationError as error:
                error.line = node.stack_trace or None
                raise
    (output,) = graph.find_nodes(op="output")
    # The lane's tensors come first among the placeholders; there is a result for each.
    results = zip(placeholders, positional_arguments(output)[0], strict=False)
    changes = {sources[node]: result for node, result in results if result is not node}
    _store_results(emitter, changes)
    reads = [source for node, source in sources.items() if node.users]
    declarations, size = emitter.workspace.layout()
    if size > max_bytes:
        raise UnsupportedOperationError(f"a step that needs {size} bytes")
    return GeneratedSource(
        "tensorwise",
        fill_template(
            "tensorwise/tensors.cpp",
            width,
            {source.position: source.memory.view.dtype for source in reads},
            {target.position: target.memory.view.dtype for target in changes},
            bytes=max(MIN_BYTES, size),
            calls=read_template("tensorwise/calls.cpp") if emitter.called_operations else "",
            buffers=indent(2, [*emitter.constants, *declarations]),
            loads=indent(4, [*_lane_loads(reads), *_pointers(reads, POINTER_OFFSETS)]),
            statements=indent(8, [*_pointers(reads, STEP_POINTER_OFFSETS), *emitter.lines]),
            stores=indent(6, _stores(list(changes))),
        ),
        [source.position for source in reads],
        [target.position for target in changes],
        max(1, emitter.operations // width),
        LaneGroups("lanes", 1),
        ("-ffp-contract=fast", *(LINKER_FLAGS if emitter.called_operations else ())),
        tuple(emitter.called_operations),
    )


def _lower(emitter: FusionEmitter, node: fx.Node) -> None:
    """Emit an operation in C++, or else a call of it."""
    name = operation_name(node)
    if emitter.can_fuse(node):
        emitter.fuse(node)
        return
    if name in OPERATIONS:
        with contextlib.suppress(UnsupportedOperationError):
            emitter.values[node] = OPERATIONS[name](emitter, node)
            return
    emitter.values[node] = call_operation(emitter, node)


def _locate_inputs(
    emitter: FusionEmitter, traced: TracedStep, placeholders: Sequence[fx.Node]
) -> dict[fx.Node, TensorwiseInput]:
    """Allocate a persistent buffer for each tensor of the lane, and name a pointer to each other input that is used."""
    sources = {}
    for position, (node, kind, tensor) in enumerate(
        zip(placeholders, traced.kinds, traced.inputs, strict=True)
    ):
        if kind == "lane":
            memory = emitter.workspace.allocate(tensor.dtype, tensor.shape, is_persistent=True)
            sources[node] = TensorwiseInput(position, kind, memory)
        elif node.users:
            view = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
            sources[node] = TensorwiseInput(position, kind, StridedMemory(f"p{position}", view))
    return sources


def _store_results(emitter: FusionEmitter, changes: Mapping[TensorwiseInput, fx.Node]) -> None:
    """Store the new tensors of a lane in place of the old ones; those that are still read are copied first."""
    overwritten = {target.memory.base for target in changes}
    values = [emitter.operand(node) for node in changes.values()]
    values = [
        emitter.copy(value, value.view)
        if isinstance(value, StridedMemory) and value.base in overwritten
        else value
        for value in values
    ]
    for target, value in zip(changes, values, strict=True):
        emitter.emit(copy_loops(emitter.width, target.memory, value), [value])


def _lane_loads(reads: Sequence[TensorwiseInput]) -> list[str]:
    return [
        f"for (int64_t n = 0; n < {source.size}; ++n) "
        f"{source.memory.base}[n] = in{source.position}[lane * {source.size} + n];"
        for source in reads
        if source.kind == "lane"
    ]


def _pointers(reads: Sequence[TensorwiseInput], offsets: Mapping[InputKind, str]) -> list[str]:
    """Declare a pointer `p<position>` to the part of each input whose kind is in `offsets`."""
    return [
        f"const {source.memory.type}* const p{source.position} = "
        f"in{source.position} + {offsets[source.kind]} * {source.size};"
        for source in reads
        if source.kind in offsets
    ]


def _stores(changes: Sequence[TensorwiseInput]) -> list[str]:
    return [
        f"for (int64_t n = 0; n < {target.size}; ++n) "
        f"out{target.position}[offset * {target.size} + n] = {target.memory.base}[n];"
        for target in changes
    ]
