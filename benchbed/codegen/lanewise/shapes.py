"""Lanewise lowering of views, copies and constants, which emit no statements."""

from collections.abc import Sequence

import numpy as np
import torch

from benchbed.codegen.emitter import Emitter
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import Array, Scalar, TracedCall, literal
from benchbed.codegen.operation_table import OperationTable

OPERATIONS = OperationTable()


@OPERATIONS.register("clone", "alias", "detach", "lift_fresh_copy", "contiguous")
def _identity(emitter: Emitter, call: TracedCall, array: Array, **_options: object) -> Array:
    return array


@OPERATIONS.register("view", "_unsafe_view", "reshape", "squeeze", "unsqueeze")
def _reshape(emitter: Emitter, call: TracedCall, array: Array, _shape_or_dimension: object = None) -> Array:
    return array.reshape(call.shape)


@OPERATIONS.register("expand")
def _expand(
    emitter: Emitter, call: TracedCall, array: Array, _shape: Sequence[int], **_options: object
) -> Array:
    return np.broadcast_to(array, call.shape)


@OPERATIONS.register("permute")
def _permute(emitter: Emitter, call: TracedCall, array: Array, order: Sequence[int]) -> Array:
    return array.transpose(order)


@OPERATIONS.register("select")
def _select(emitter: Emitter, call: TracedCall, array: Array, dimension: int, index: int) -> Array:
    return np.asarray(array.take(index, axis=dimension), dtype=object).reshape(call.shape)


def _slices(array: Array, dimension: int, start: int | None, end: int | None, step: int) -> tuple[slice, ...]:
    return (*[slice(None)] * (dimension % array.ndim), slice(start, end, step))


@OPERATIONS.register("slice")
def _slice(
    emitter: Emitter,
    call: TracedCall,
    array: Array,
    dimension: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Array:
    return array[_slices(array, dimension, start, end, step)]


@OPERATIONS.register("slice_scatter")
def _slice_scatter(
    emitter: Emitter,
    call: TracedCall,
    array: Array,
    source: Array,
    dimension: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Array:
    result = array.copy()
    result[_slices(array, dimension, start, end, step)] = source
    return result


@OPERATIONS.register("select_scatter")
def _select_scatter(
    emitter: Emitter, call: TracedCall, array: Array, source: Array, dimension: int, index: int
) -> Array:
    result = array.copy()
    np.moveaxis(result, dimension, 0)[index, ...] = source  # a view: writing to it changes `result`
    return result


@OPERATIONS.register("cat")
def _concatenate(emitter: Emitter, call: TracedCall, arrays: Sequence[Array], dimension: int = 0) -> Array:
    result = np.concatenate([array for array in arrays if array.size] or arrays, axis=dimension)
    return emitter.cast_array(result, call.dtype)


@OPERATIONS.register("flip")
def _flip(emitter: Emitter, call: TracedCall, array: Array, dimensions: Sequence[int]) -> Array:
    return np.flip(array, axis=tuple(dimensions))


@OPERATIONS.register("split_with_sizes")
def _split(
    emitter: Emitter, call: TracedCall, array: Array, sizes: Sequence[int], dimension: int = 0
) -> list[Array]:
    return np.split(array, np.cumsum(sizes)[:-1], axis=dimension)


@OPERATIONS.register("diagonal")
def _diagonal(
    emitter: Emitter, call: TracedCall, array: Array, offset: int = 0, first: int = 0, second: int = 1
) -> Array:
    return np.diagonal(array, offset, first, second)


@OPERATIONS.register("repeat")
def _repeat(emitter: Emitter, call: TracedCall, array: Array, repeats: Sequence[int]) -> Array:
    return np.tile(array, tuple(repeats))


@OPERATIONS.register("constant_pad_nd")
def _pad(
    emitter: Emitter, call: TracedCall, array: Array, padding: Sequence[int], value: Scalar = 0
) -> Array:
    if min(padding, default=0) < 0:
        raise UnsupportedOperationError("a negative padding")
    result = _filled(call, value)
    # `padding` lists two sizes a dimension, before and after, beginning with the last dimension.
    starts = dict(zip(range(array.ndim - 1, -1, -1), padding[0::2], strict=False))
    inner = tuple(
        slice(starts.get(axis, 0), starts.get(axis, 0) + size) for axis, size in enumerate(array.shape)
    )
    result[inner] = array
    return result


# Uninitialized memory may hold anything, so 0 as well; torch begins a forward-mode derivative with the last operation.
@OPERATIONS.register(
    "empty", "empty_like", "empty_permuted", "empty_strided", "_new_zeros_with_same_feature_meta"
)
def _zeros(emitter: Emitter, call: TracedCall, *_arguments: object, **_options: object) -> Array:
    return _filled(call, 0)


@OPERATIONS.register("copy")
def _copy(
    emitter: Emitter, call: TracedCall, _target: Array, array: Array, _non_blocking: bool = False
) -> Array:
    return np.broadcast_to(emitter.cast_array(array, call.dtype), call.shape)


@OPERATIONS.register("full", "full_like")
def _full(emitter: Emitter, call: TracedCall, _size: object, value: Scalar, **_options: object) -> Array:
    return _filled(call, value)


@OPERATIONS.register("scalar_tensor")
def _scalar_tensor(emitter: Emitter, call: TracedCall, value: Scalar, **_options: object) -> Array:
    return _filled(call, value)


@OPERATIONS.register("arange")
def _arange(emitter: Emitter, call: TracedCall, *bounds: Scalar, **_options: object) -> Array:
    start, _, step = {1: (0, *bounds, 1), 2: (*bounds, 1), 3: bounds}[len(bounds)]
    python_type = float if call.dtype.is_floating_point else int
    array: Array = np.empty(call.shape, dtype=object)
    for index in range(array.size):
        array[index] = literal(python_type(start + index * step), call.dtype)
    return array


def _filled(call: TracedCall, value: Scalar) -> Array:
    if isinstance(value, np.ndarray):
        raise UnsupportedOperationError("a tensor filled with the value of another tensor")
    array: Array = np.empty(call.shape, dtype=object)
    array.fill(literal(value, call.dtype))
    return array


def constant(tensor: torch.Tensor) -> Array:
    """Return a tensor of the traced graph as an array of literals."""
    array: Array = np.empty(tuple(tensor.shape), dtype=object)
    for index, value in np.ndenumerate(tensor.detach().cpu().numpy()):
        array[index] = literal(value.item(), tensor.dtype)
    return array
