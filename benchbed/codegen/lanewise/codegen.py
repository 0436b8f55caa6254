"""Generation of the lanewise source of a traced step."""

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, fx

from benchbed.codegen import comparisons, elementwise
from benchbed.codegen.emitter import Emitter
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import GROUP_MARK, Array
from benchbed.codegen.fx_nodes import (
    operation_call,
    operation_name,
    positional_arguments,
    substituted_arguments,
    traced_values,
)
from benchbed.codegen.lanewise import inputs, matrices, reductions, shapes
from benchbed.codegen.lanewise.inputs import LanewiseInput
from benchbed.codegen.operation_table import OperationTable
from benchbed.codegen.template import Axis, GeneratedSource, LaneGroups, fill_template, indent
from benchbed.codegen.trace import TracedStep

OPERATIONS = OperationTable(
    elementwise.OPERATIONS
    | comparisons.OPERATIONS
    | shapes.OPERATIONS
    | reductions.OPERATIONS
    | matrices.OPERATIONS
)
MAX_ELEMENTS = 50_000
"""Elements of an intermediate tensor; more than `MAX_STATEMENTS`, as many elements may be the same expression."""
INTERLEAVING = ((40, "abcdef"), (150, "abcd"), (250, "ab"))
"""Operations below which so many groups are interleaved: a short step waits for its own results, and the processor can
use the time for another group."""


def generate(traced: TracedStep, axis: Axis, width: int) -> GeneratedSource:
    """Generate the source that steps `width` lanes along `axis` in one vector.

    Raises UnsupportedOperationError for an operation, type or size that this form does not support.
    """
    emitter, graph = Emitter(), traced.graph.graph
    placeholders = graph.find_nodes(op="placeholder")
    sources = {
        node: LanewiseInput(position, kind, tensor, axis)
        for position, (node, kind, tensor) in enumerate(
            zip(placeholders, traced.kinds, traced.inputs, strict=True)
        )
    }
    values: dict[fx.Node, Any] = {node: source.array() for node, source in sources.items() if node.users}
    for node in graph.nodes:
        if node.op == "get_attr":
            constant = getattr(traced.graph, node.target)
            _check_size(constant)
            values[node] = shapes.constant(constant)
        elif node.op == "call_function":
            values[node] = _lower(emitter, node, values)
    (output,) = graph.find_nodes(op="output")
    # The lane's tensors come first among the placeholders; there is a result for each.
    results = zip(placeholders, positional_arguments(output)[0], strict=False)
    changes = [(sources[node], values[result]) for node, result in results if result is not node]
    for target, value in changes:
        _check_result("a state", value, target.value)
    changed = {target.position for target, _ in changes}
    reads = [source for node, source in sources.items() if node.users or source.position in changed]
    letters = next((letters for limit, letters in INTERLEAVING if len(emitter.statements) < limit), "a")
    statements = [*inputs.step_loads(reads), *emitter.statements, *inputs.updates(changes)]
    text = fill_template(
        "lanewise/lanes.cpp",
        width,
        {source.position: source.value.dtype for source in reads},
        {target.position: target.value.dtype for target, _ in changes},
        groups=len(letters),
        one_seed="true" if axis == "settings" else "false",
        loads=indent(4, _interleave(letters, [*inputs.LANE_INDICES, *inputs.loads(reads)])),
        statements=indent(8, _interleave(letters, statements)),
        stores=indent(6, _interleave(letters, inputs.stores(changes))),
    )
    return GeneratedSource(
        "lanewise",
        text,
        [source.position for source in reads],
        [target.position for target, _ in changes],
        len(emitter.statements),
        LaneGroups(axis, width),
    )


def _lower(emitter: Emitter, node: fx.Node, values: Mapping[fx.Node, Any]) -> Any:
    """Emit the statements of a node, and return the expressions of its result or results."""
    if node.target is operator.getitem:
        results, index = positional_arguments(node)
        if values[results][index] is None:
            raise UnsupportedOperationError(f"result {index} of {operation_name(results)}")
        return values[results][index]
    name, expected = operation_name(node), traced_values(node)
    if name not in OPERATIONS:
        raise UnsupportedOperationError(f"the operation {name}")
    _check_size(*expected)
    arguments, options = substituted_arguments(node, values)
    result = OPERATIONS[name](emitter, operation_call(node), *arguments, **options)
    is_single = isinstance(node.meta["val"], Tensor)
    for array, tensor in zip([result] if is_single else result, expected, strict=True):
        if array is not None:
            _check_result(name, array, tensor)
    return result


def _check_size(*tensors: Tensor) -> None:
    if any(tensor.numel() > MAX_ELEMENTS for tensor in tensors):
        raise UnsupportedOperationError(f"a tensor of more than {MAX_ELEMENTS} numbers")


def _check_result(name: str, array: Array, expected: Tensor) -> None:
    """Reject an overload whose result differs from that of the registered operation of the same name."""
    if array.shape != tuple(expected.shape) or any(value.dtype != expected.dtype for value in array.flat):
        raise UnsupportedOperationError(f"{name} to {expected.dtype} of the shape {tuple(expected.shape)}")


def _interleave(letters: str, lines: Sequence[str]) -> list[str]:
    """Return the lines that all groups share, then the other lines for each group."""
    shared = [line for line in lines if GROUP_MARK not in line]
    of_group = [line for line in lines if GROUP_MARK in line]
    return shared + [line.replace(GROUP_MARK, letter) for letter in letters for line in of_group]
