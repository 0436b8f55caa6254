"""Move numbers about: views, copies and constants, which cost nothing."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from benchbed.codegen.emitter import Writer
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import Array, Call, Scalar, literal


def _same(writer: Writer, call: Call, array: Array, **_options: object) -> Array:
    return array


def _reshape(writer: Writer, call: Call, array: Array, _size: Sequence[int]) -> Array:
    return array.reshape(call.shape)


def _squeeze(writer: Writer, call: Call, array: Array, _where: object = None) -> Array:
    return array.reshape(call.shape)


def _unsqueeze(writer: Writer, call: Call, array: Array, _where: int) -> Array:
    return array.reshape(call.shape)


def _expand(writer: Writer, call: Call, array: Array, _size: Sequence[int], **_options: object) -> Array:
    return np.broadcast_to(array, call.shape)


def _permute(writer: Writer, call: Call, array: Array, order: Sequence[int]) -> Array:
    return array.transpose(order)


def _select(writer: Writer, call: Call, array: Array, dimension: int, index: int) -> Array:
    return np.asarray(array.take(index, axis=dimension), dtype=object).reshape(call.shape)


def _part(dimension: int, start: int | None, end: int | None, step: int) -> tuple[slice, ...]:
    return (*[slice(None)] * dimension, slice(start, end, step))


def _slice(
    writer: Writer, call: Call, array: Array, dimension: int = 0, start: int | None = None, end: int | None = None,
    step: int = 1,
) -> Array:  # fmt: skip
    return array[_part(dimension % array.ndim, start, end, step)]


def _slice_scatter(
    writer: Writer, call: Call, array: Array, source: Array, dimension: int = 0, start: int | None = None,
    end: int | None = None, step: int = 1,
) -> Array:  # fmt: skip
    changed = array.copy()
    changed[_part(dimension % array.ndim, start, end, step)] = source
    return changed


def _select_scatter(
    writer: Writer, call: Call, array: Array, source: Array, dimension: int, index: int
) -> Array:
    changed = array.copy()
    np.moveaxis(changed, dimension, 0)[index, ...] = source  # a view: what is written there is written here
    return changed


def _cat(writer: Writer, call: Call, arrays: Sequence[Array], dimension: int = 0) -> Array:
    joined = np.concatenate([array for array in arrays if array.size], axis=dimension)
    return writer.mapped(lambda number: writer.cast(number, call.dtype), joined)


def _flip(writer: Writer, call: Call, array: Array, dimensions: Sequence[int]) -> Array:
    return np.flip(array, axis=tuple(dimensions))


def _split(writer: Writer, call: Call, array: Array, sizes: Sequence[int], dimension: int = 0) -> list[Array]:
    return np.split(array, np.cumsum(sizes)[:-1], axis=dimension)


def _diagonal(
    writer: Writer, call: Call, array: Array, offset: int = 0, first: int = 0, second: int = 1
) -> Array:
    return np.diagonal(array, offset, first, second)


def _repeat(writer: Writer, call: Call, array: Array, times: Sequence[int]) -> Array:
    return np.tile(array, tuple(times))


def _pad(writer: Writer, call: Call, array: Array, sizes: Sequence[int], value: Scalar = 0) -> Array:
    if min(sizes, default=0) < 0:
        raise UnsupportedOperationError("a padding of less than nothing")
    result = _filled(call, value)
    ahead, dimensions = sizes[0::2], range(array.ndim - 1, -1, -1)  # of the last dimension first
    starts = dict(zip(dimensions, ahead, strict=False))
    inner = tuple(
        slice(starts.get(axis, 0), starts.get(axis, 0) + size) for axis, size in enumerate(array.shape)
    )
    result[inner] = array
    return result


def _zeros(writer: Writer, call: Call, *_like: object, **_options: object) -> Array:
    return _filled(call, 0)


def _copy(writer: Writer, call: Call, _over: Array, array: Array, _wait: bool = False) -> Array:
    return np.broadcast_to(writer.mapped(lambda number: writer.cast(number, call.dtype), array), call.shape)


def _full(writer: Writer, call: Call, _size: object, value: Scalar, **_options: object) -> Array:
    return _filled(call, value)


def _scalar(writer: Writer, call: Call, value: Scalar, **_options: object) -> Array:
    return _filled(call, value)


def _arange(writer: Writer, call: Call, *bounds: Scalar, **_options: object) -> Array:
    start, _, step = {1: (0, *bounds, 1), 2: (*bounds, 1), 3: bounds}[len(bounds)]
    kind = float if call.dtype.is_floating_point else int
    array: Array = np.empty(call.shape, dtype=object)
    for place in range(array.size):
        array[place] = literal(kind(start + place * step), call.dtype)
    return array


def _filled(call: Call, value: Scalar) -> Array:
    if isinstance(value, np.ndarray):
        raise UnsupportedOperationError("a tensor filled with what another holds")
    array: Array = np.empty(call.shape, dtype=object)
    array.fill(literal(value, call.dtype))
    return array


OPERATIONS: dict[str, Callable[..., object]] = {
    **dict.fromkeys(("clone", "alias", "detach", "lift_fresh_copy", "contiguous"), _same),
    **dict.fromkeys(("view", "_unsafe_view", "reshape"), _reshape),
    **dict.fromkeys(("full", "full_like"), _full),
    # What is empty holds anything; the last is how torch begins a derivative in forward mode.
    **dict.fromkeys(
        ("empty", "empty_like", "empty_permuted", "empty_strided", "_new_zeros_with_same_feature_meta"),
        _zeros,
    ),
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "expand": _expand,
    "permute": _permute,
    "select": _select,
    "slice": _slice,
    "slice_scatter": _slice_scatter,
    "select_scatter": _select_scatter,
    "cat": _cat,
    "copy": _copy,
    "flip": _flip,
    "split_with_sizes": _split,
    "diagonal": _diagonal,
    "repeat": _repeat,
    "constant_pad_nd": _pad,
    "scalar_tensor": _scalar,
    "arange": _arange,
}


def constant(tensor: torch.Tensor) -> Array:
    """Write a tensor that a step holds as constants."""
    array: Array = np.empty(tuple(tensor.shape), dtype=object)
    for place, value in np.ndenumerate(tensor.detach().cpu().numpy()):
        array[place] = literal(value.item(), tensor.dtype)
    return array
