"""Tensorwise lowering of reads and writes at positions that tensors hold, with the bounds checks of torch."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import fx

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import literal
from benchbed.codegen.fx_nodes import operation_name, positional_arguments
from benchbed.codegen.operation_table import OperationTable
from benchbed.codegen.tensorwise.allocation import StridedMemory
from benchbed.codegen.tensorwise.fusion import FusionEmitter, tensor_value
from benchbed.codegen.tensorwise.loops import copy_loops, element_loops

OPERATIONS = OperationTable()
INDEX_TYPES = frozenset({torch.int64, torch.int32})


class _Selection(NamedTuple):
    """Parts of a tensor that are selected by positions, one for each combination of loop variables."""

    tensor: StridedMemory
    sizes: Sequence[int]
    """Of the loops."""
    strides: Sequence[int]
    """Of the tensor along the loops; 0 where a position takes their place."""
    positions: Sequence[StridedMemory]
    """Index tensors."""
    dimensions: Sequence[int]
    """The dimension of the tensor that each of them indexes."""
    may_be_negative: bool
    """Whether negative positions count from the end."""

    def loops(self, other: StridedMemory, body: Sequence[str]) -> list[str]:
        """Return the loops around `body`, which sees the part `selected`, and the part `row` of `other`.

        The first dimensions of `other` are those of the loops.
        """
        variables = [f"i{level}" for level in range(len(self.sizes))]
        lines = [
            f"for (int64_t {variable} = 0; {variable} < {size}; ++{variable}) {{"
            for variable, size in zip(variables, self.sizes, strict=True)
        ]
        offsets = _offsets(variables, self.strides)
        for number, (position, dimension) in enumerate(zip(self.positions, self.dimensions, strict=True)):
            expanded = StridedMemory(position.base, position.view.expand(*self.sizes))
            name, length = f"position{number}", self.tensor.view.shape[dimension]
            address = expanded.address(*_offsets(variables, expanded.view.stride()))
            lines.append(f"int64_t {name} = *({address});")
            if self.may_be_negative:
                lines.append(f"if ({name} < 0) {name} += {length};")
            lines.append(f"if ({name} < 0 || {name} >= {length}) {{ std::free(memory); return 1; }}")
            offsets.append(f"{name} * {self.tensor.view.stride(dimension)}")
        return [
            *lines,
            f"auto* const selected = {self.tensor.address(*offsets)};",
            f"auto* const row = {other.address(*_offsets(variables, other.view.stride()))};",
            *body,
            *["}"] * len(self.sizes),
        ]


def _offsets(variables: Sequence[str], strides: Sequence[int]) -> list[str]:
    return [f"{variable} * {stride}" for variable, stride in zip(variables, strides, strict=False) if stride]


@OPERATIONS.register("index", "embedding")
def _gather_rows(emitter: FusionEmitter, node: fx.Node) -> StridedMemory:
    source_node, indices, *_ = positional_arguments(node)
    selection, rank = _row_selection(emitter, node, emitter.materialize(source_node), indices)
    result = emitter.allocate(node)
    target, source = _part("row", result, rank), _part("selected", selection.tensor, rank)
    if source.view.is_contiguous():
        copy = [f"__builtin_memcpy(row, selected, {source.view.numel()} * sizeof *row);"]
    else:
        copy = copy_loops(emitter.width, target, source)
    emitter.emit(selection.loops(result, copy), [selection.tensor, *selection.positions, result])
    return result


@OPERATIONS.register("index_put")
def _store_rows(emitter: FusionEmitter, node: fx.Node) -> StridedMemory:
    source_node, indices, values, accumulate = (*positional_arguments(node), False)[:4]
    result = emitter.copy(emitter.operand(source_node), tensor_value(node))
    selection, rank = _row_selection(emitter, node, result, indices)
    rows = emitter.materialize(values)
    post = result.view.shape[result.view.dim() - rank :]
    rows = StridedMemory(rows.base, rows.view.expand(*selection.sizes, *post))
    target, source = _part("selected", result, rank), _part("row", rows, rank)
    body = (
        _add_loops(emitter.width, target, source) if accumulate else copy_loops(emitter.width, target, source)
    )
    emitter.emit(selection.loops(rows, body), [rows, *selection.positions, result])
    return result


def _row_selection(
    emitter: FusionEmitter, node: fx.Node, tensor: StridedMemory, indices: fx.Node | Sequence[fx.Node | None]
) -> tuple[_Selection, int]:
    """Return the rows that index tensors of adjacent dimensions select, and the number of dimensions of a row.

    Raises UnsupportedOperationError for other indices, and masks.
    """
    if isinstance(indices, fx.Node):
        indices = [indices]
    first = next(dimension for dimension, index in enumerate(indices) if index is not None)
    adjacent = [index for index in indices[first:] if index is not None]
    if len(adjacent) != len(indices) - first:
        raise UnsupportedOperationError("an index of dimensions that are not adjacent")
    positions = [_positions(emitter, index) for index in adjacent]
    shape = torch.broadcast_shapes(*(position.view.shape for position in positions))
    sizes = [*tensor.view.shape[:first], *shape]
    strides = [*tensor.view.stride()[:first], *[0] * len(shape)]
    dimensions = range(first, len(indices))
    may_be_negative = operation_name(node) != "embedding"
    selection = _Selection(tensor, sizes, strides, positions, dimensions, may_be_negative)
    return selection, tensor.view.dim() - len(indices)


def _positions(emitter: FusionEmitter, index: fx.Node) -> StridedMemory:
    if tensor_value(index).dtype not in INDEX_TYPES:
        raise UnsupportedOperationError(f"an index of {tensor_value(index).dtype}")
    return emitter.materialize(index)


def _part(name: str, memory: StridedMemory, rank: int) -> StridedMemory:
    """Return the part of a tensor that its last `rank` dimensions span, at the C++ pointer `name`."""
    view = memory.view
    first = view.dim() - rank
    part = torch.empty_strided(view.shape[first:], view.stride()[first:], dtype=view.dtype, device="meta")
    return StridedMemory(name, part)


def _add_loops(width: int, target: StridedMemory, value: StridedMemory) -> list[str]:
    dtype = target.view.dtype
    if dtype == torch.bool:
        raise UnsupportedOperationError("sums of bool")
    return element_loops(
        width,
        tuple(target.view.shape),
        [target, value],
        [target],
        lambda emitter, elements: [emitter.elementwise("{} + {}", dtype, elements)],
    )


@OPERATIONS.register("gather")
def _gather(emitter: FusionEmitter, node: fx.Node) -> StridedMemory:
    source_node, dimension, index_node, *_ = positional_arguments(node)
    selection = _number_selection(emitter, emitter.materialize(source_node), dimension, index_node)
    result = emitter.allocate(node)
    emitter.emit(
        selection.loops(result, ["*row = *selected;"]), [selection.tensor, *selection.positions, result]
    )
    return result


@OPERATIONS.register("scatter", "scatter_add")
def _scatter(emitter: FusionEmitter, node: fx.Node) -> StridedMemory:
    source_node, dimension, index_node, value = positional_arguments(node)
    if node.kwargs or (tensor_value(node).dtype == torch.bool and operation_name(node) == "scatter_add"):
        raise UnsupportedOperationError("a scatter with a reduction")
    result = emitter.copy(emitter.operand(source_node), tensor_value(node))
    selection = _number_selection(emitter, result, dimension, index_node)
    symbol = "+=" if operation_name(node) == "scatter_add" else "="
    if isinstance(value, fx.Node):
        values, text = emitter.materialize(value), "*row"
    else:
        values, text = result, literal(value, result.view.dtype).text
    emitter.emit(
        selection.loops(values, [f"*selected {symbol} {text};"]), [values, *selection.positions, result]
    )
    return result


def _number_selection(
    emitter: FusionEmitter, tensor: StridedMemory, dimension: int, index_node: fx.Node
) -> _Selection:
    """Return the numbers that an index along one dimension selects."""
    position = _positions(emitter, index_node)
    if tensor.view.dim() == 0 or position.view.dim() == 0:
        raise UnsupportedOperationError("an index without dimensions")
    dimension %= tensor.view.dim()
    strides = [0 if axis == dimension else stride for axis, stride in enumerate(tensor.view.stride())]
    return _Selection(tensor, position.view.shape, strides, [position], [dimension], may_be_negative=False)
