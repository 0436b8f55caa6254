"""Tensorwise lowering of operations on whole tensors: views, copies, matrix products, reductions."""

from typing import Any

import torch
from torch import Tensor, fx

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.fx_nodes import PLACEMENT_OPTIONS, operation_name, positional_arguments
from benchbed.codegen.operation_table import OperationTable
from benchbed.codegen.tensorwise import indexing
from benchbed.codegen.tensorwise.allocation import StridedMemory, UniformValue
from benchbed.codegen.tensorwise.fusion import FusionEmitter
from benchbed.codegen.tensorwise.loops import copy_loops
from benchbed.codegen.tensorwise.reductions import REDUCTIONS, norm_reduction, reduction_loops

OPERATIONS = OperationTable(indexing.OPERATIONS)
MAX_VECTOR_WIDTH = 64
"""The most numbers by which the rows of a product may be padded, on any processor."""


@OPERATIONS.register(
    *("view", "_unsafe_view", "reshape", "permute", "transpose", "t", "expand", "unsqueeze", "squeeze"),
    *("select", "slice", "alias", "detach", "split_with_sizes", "split", "unbind", "diagonal"),
)
def _view(emitter: FusionEmitter, node: fx.Node) -> Any:
    value = emitter.operand(positional_arguments(node)[0])
    if isinstance(value, UniformValue):
        return value
    operation: Any = node.target
    if nodes := [each for each in node.all_input_nodes if each is not positional_arguments(node)[0]]:
        raise UnsupportedOperationError(f"a view that depends on {nodes[0]}")
    arguments = positional_arguments(node)[1:]
    options = {name: option for name, option in node.kwargs.items() if name not in PLACEMENT_OPTIONS}
    try:
        view = operation(value.view, *arguments, **options)
    except RuntimeError:  # no strides describe the view
        value = emitter.copy(value, value.view)
        view = operation(value.view, *arguments, **options)
    if isinstance(view, Tensor):
        return StridedMemory(value.base, view)
    return [StridedMemory(value.base, each) for each in view]


@OPERATIONS.register("getitem")
def _getitem(emitter: FusionEmitter, node: fx.Node) -> Any:
    results, index = positional_arguments(node)
    return emitter.values[results][index]


@OPERATIONS.register("clone", "lift_fresh_copy")
def _identity(emitter: FusionEmitter, node: fx.Node) -> Any:
    return emitter.operand(positional_arguments(node)[0])


@OPERATIONS.register("full", "full_like", "scalar_tensor")
def _full(emitter: FusionEmitter, node: fx.Node) -> UniformValue:
    arguments = positional_arguments(node)
    value = arguments[0] if operation_name(node) == "scalar_tensor" else arguments[1]
    if isinstance(value, fx.Node):
        raise UnsupportedOperationError("a tensor filled with the value of another tensor")
    return UniformValue(float(value) if node.meta["val"].dtype.is_floating_point else value)


@OPERATIONS.register("empty", "empty_like", "empty_permuted", "new_empty", "new_empty_strided")
def _empty(emitter: FusionEmitter, node: fx.Node) -> UniformValue:
    return UniformValue(0)  # uninitialized memory may hold anything


@OPERATIONS.register("copy")
def _copy(emitter: FusionEmitter, node: fx.Node) -> StridedMemory:
    return emitter.copy(emitter.operand(positional_arguments(node)[1]), node.meta["val"])


@OPERATIONS.register("arange")
def _arange(emitter: FusionEmitter, node: fx.Node) -> StridedMemory:
    bounds = positional_arguments(node)
    start, _, step = {1: (0, *bounds, 1), 2: (*bounds, 1), 3: bounds}[len(bounds)]
    value = node.meta["val"]
    return emitter.constant(start + step * torch.arange(value.numel()).to(value.dtype))


@OPERATIONS.register("mm", "bmm")
def _product(emitter: FusionEmitter, node: fx.Node) -> StridedMemory:
    left, right = (emitter.materialize(factor) for factor in positional_arguments(node))
    result = emitter.allocate(node)
    *batch, rows, columns = result.view.shape
    inner = left.view.shape[-1]
    count = batch[0] if batch else 1
    scratch = emitter.workspace.allocate(result.view.dtype, ((inner + rows) * (columns + MAX_VECTOR_WIDTH),))
    left_address, right_address, result_address = (
        each.address(f"n * {each.view.stride(0) if batch else 0}") for each in (left, right, result)
    )
    strides = ", ".join(str(stride) for each in (left, right) for stride in each.view.stride()[-2:])
    statement = (
        f"product<{rows}, {columns}, {inner}>"
        f"({left_address}, {right_address}, {strides}, {result_address}, {scratch.base});"
    )
    loop = f"for (int64_t n = 0; n < {count}; ++n) {statement}"
    emitter.emit_if_selected(node, [loop], [left, right, result, scratch])
    emitter.operations += count * rows * columns * inner
    return result


@OPERATIONS.register("cat")
def _concatenate(emitter: FusionEmitter, node: fx.Node) -> StridedMemory:
    tensors, dimension, *_ = (*positional_arguments(node), 0)
    result, start = emitter.allocate(node), 0
    for tensor in tensors:
        size = tensor.meta["val"].shape[dimension]
        target = StridedMemory(result.base, result.view.narrow(dimension, start, size))
        value = emitter.operand(tensor)
        emitter.emit(copy_loops(emitter.width, target, value), [value, result])
        start += size
    return result


@OPERATIONS.register("slice_scatter", "select_scatter")
def _scatter(emitter: FusionEmitter, node: fx.Node) -> StridedMemory:
    """Copy a tensor, and overwrite a slice of the copy."""
    aten: Any = torch.ops.aten
    tensor, source, *location = positional_arguments(node)
    view = aten.slice.Tensor if operation_name(node) == "slice_scatter" else aten.select.int
    result = emitter.copy(emitter.operand(tensor), node.meta["val"])
    target = StridedMemory(result.base, view(result.view, *location))
    value = emitter.operand(source)
    emitter.emit(copy_loops(emitter.width, target, value), [value, result])
    return result


@OPERATIONS.register("as_strided", "as_strided_scatter")
def _as_strided(emitter: FusionEmitter, node: fx.Node) -> StridedMemory:
    """Read a tensor by strides, or copy it and overwrite what they address; they count in the traced memory order."""
    tensor, *arguments = positional_arguments(node)
    traced: Tensor = tensor.meta["val"]
    order = sorted(range(traced.dim()), key=traced.stride, reverse=True)
    in_order = traced.permute(order)
    if not in_order.is_contiguous() or traced.untyped_storage().nbytes() != traced.nbytes:
        raise UnsupportedOperationError("strides in the memory of another tensor")
    value = emitter.operand(tensor)
    if isinstance(value, StridedMemory):
        value = StridedMemory(value.base, value.view.permute(order))
    result = emitter.copy(value, in_order)
    if operation_name(node) == "as_strided":
        return StridedMemory(result.base, result.view.as_strided(*arguments))
    source, *location = arguments
    target = StridedMemory(result.base, result.view.as_strided(*location))
    value = emitter.operand(source)
    emitter.emit(copy_loops(emitter.width, target, value), [value, result])
    return StridedMemory(
        result.base, result.view.permute([order.index(axis) for axis in range(traced.dim())])
    )


@OPERATIONS.register(*REDUCTIONS, "linalg_vector_norm")
def _reduce(emitter: FusionEmitter, node: fx.Node) -> StridedMemory:
    source_node, *arguments = positional_arguments(node)
    source, name = emitter.materialize(source_node), operation_name(node)
    if name == "linalg_vector_norm":
        reduction = norm_reduction(arguments.pop(0) if arguments else 2)
    else:
        reduction = REDUCTIONS[name]
    dimensions = arguments[0] if arguments else None
    axes = [dimensions] if isinstance(dimensions, int) else dimensions or range(source.view.dim())
    result = emitter.allocate(node)
    if name in {"amax", "amin"} and not result.view.dtype.is_floating_point:
        raise UnsupportedOperationError("extremes of integers")
    positive_axes = [axis % max(1, source.view.dim()) for axis in axes]
    emitter.emit(reduction_loops(reduction, source, result, positive_axes), [source, result])
    emitter.operations += source.view.numel()
    return result
