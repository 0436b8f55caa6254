"""Write what torch does along dimensions: sums, norms, extremes, and what accumulates."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from benchbed.codegen.emitter import Writer
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import Array, Call, Scalar, literal

Dimensions = Sequence[int] | int | None

NUMBERS = {"sum": "{} + {}", "prod": "{} * {}", "amax": "maximum({}, {})", "amin": "minimum({}, {})"}
TRUTHS = {"amax": "{} | {}", "amin": "{} & {}", "any": "{} | {}", "all": "{} & {}"}
NOTHING: dict[str, Scalar] = {"sum": 0, "prod": 1, "any": False, "all": True}
"""What a reduction of nothing gives."""


def _axes(array: Array, dimensions: Dimensions) -> list[int]:
    chosen = (dimensions,) if isinstance(dimensions, int) else dimensions
    return sorted(axis % array.ndim for axis in chosen) if chosen and array.ndim else list(range(array.ndim))


def _rows(array: Array, dimensions: Dimensions) -> Array:
    """Bring `dimensions` (none given: all) to the end, as one."""
    axes = _axes(array, dimensions)
    kept = [axis for axis in range(array.ndim) if axis not in axes]
    length = math.prod(array.shape[axis] for axis in axes)
    return array.transpose(kept + axes).reshape([array.shape[axis] for axis in kept] + [length])


def _reduced(writer: Writer, call: Call, rows: Array, name: str) -> Array:
    forms = TRUTHS if call.dtype == torch.bool else NUMBERS
    if name not in forms or not (rows.shape[-1] or name in NOTHING):
        raise UnsupportedOperationError(f"{name} of {call.dtype}, or of nothing")
    flat = rows.reshape(math.prod(rows.shape[:-1]), rows.shape[-1])
    result: Array = np.empty(len(flat), dtype=object)
    for place, row in enumerate(flat):
        numbers = [writer.cast(number, call.dtype) for number in row]
        result[place] = (
            writer.folded(forms[name], call.dtype, numbers) if numbers else literal(NOTHING[name], call.dtype)
        )
    return result.reshape(call.shape)


def _kept(array: Array, like: Array, dimensions: Dimensions) -> Array:
    """Give what was reduced the dimensions of what it was reduced from, each of length one."""
    axes = _axes(like, dimensions)
    return array.reshape([1 if axis in axes else size for axis, size in enumerate(like.shape)])


def _reduction(name: str) -> Callable[..., Array]:
    def write(
        writer: Writer, call: Call, array: Array, dimensions: Dimensions = None, _keep: bool = False,
        **_options: object,
    ) -> Array:  # fmt: skip
        return _reduced(writer, call, _rows(array, dimensions), name)

    return write


def _mean(
    writer: Writer, call: Call, array: Array, dimensions: Dimensions = None, _keep: bool = False,
    **_options: object,
) -> Array:  # fmt: skip
    rows = _rows(array, dimensions)
    return writer.each("{} / {}", call.dtype, (_reduced(writer, call, rows, "sum"), float(rows.shape[-1])))


def _spread(
    writer: Writer, call: Call, array: Array, dimensions: Dimensions = None, correction: Scalar | None = None,
    keepdim: bool = False,
) -> tuple[Array, Array]:  # fmt: skip
    """Give variance and mean."""
    mean = _mean(writer, call, array, dimensions)
    apart = writer.each("{} - {}", call.dtype, (array, _kept(mean, array, dimensions)))
    rows = _rows(writer.each("{0} * {0}", call.dtype, (apart,)), dimensions)
    free = max(0.0, rows.shape[-1] - float(1 if correction is None else correction))
    return writer.each("{} / {}", call.dtype, (_reduced(writer, call, rows, "sum"), free)), mean


def _variance(writer: Writer, call: Call, *arguments: object, **options: object) -> Array:
    return _spread(writer, call, *arguments, **options)[0]  # type: ignore[arg-type]  # as torch gives them


def _norm(
    writer: Writer, call: Call, array: Array, order: float = 2, dimensions: Dimensions = None, _keep: bool = False,
    **_options: object,
) -> Array:  # fmt: skip
    rows = writer.mapped(lambda number: writer.cast(number, call.dtype), _rows(array, dimensions))
    if order == 2:
        total = _reduced(writer, call, writer.each("{0} * {0}", call.dtype, (rows,)), "sum")
        return writer.each("of_sqrt({})", call.dtype, (total,))
    if order == 0:
        return _reduced(writer, call, writer.each("{} != {}", torch.bool, (rows, 0), call.dtype), "sum")
    sizes = writer.each("of_abs({})", call.dtype, (rows,))
    names = {1: "sum", math.inf: "amax", -math.inf: "amin"}
    if order in names:
        return _reduced(writer, call, sizes, names[order])
    total = _reduced(writer, call, writer.each("of_pow({}, {})", call.dtype, (sizes, order)), "sum")
    return writer.each("of_pow({}, {})", call.dtype, (total, 1 / order))


def _extreme(name: str) -> Callable[..., object]:
    def write(
        writer: Writer, call: Call, array: Array, dimension: int | None = None, _keep: bool = False
    ) -> object:
        value = _reduced(writer, call, _rows(array, dimension), name)
        return value if dimension is None else (value, None)  # where it is depends on the lane

    return write


def _cumulated(form: str) -> Callable[..., Array]:
    def write(writer: Writer, call: Call, array: Array, dimension: int, **_options: object) -> Array:
        result = writer.mapped(lambda number: writer.cast(number, call.dtype), array)
        if not result.ndim:
            return result
        ahead = np.moveaxis(result, dimension, 0)  # a view: what is written here is written in the result
        for place in range(1, len(ahead)):
            ahead[place, ...] = writer.each(form, call.dtype, (ahead[place - 1, ...], ahead[place, ...]))
        return result

    return write


def _softmax(log: bool) -> Callable[..., Array]:
    def write(writer: Writer, call: Call, array: Array, dimension: int, _half: bool) -> Array:
        def along(name: str, over: Array) -> Array:
            rows = _rows(over, dimension)
            short = call._replace(shape=rows.shape[:-1])
            return _kept(_reduced(writer, short, rows, name), over, dimension)

        below = writer.each("{} - {}", call.dtype, (array, along("amax", array)))
        raised = writer.each("of_exp({})", call.dtype, (below,))
        total = along("sum", raised)
        if log:
            return writer.each("{} - of_log({})", call.dtype, (below, total))
        return writer.each("{} / {}", call.dtype, (raised, total))

    return write


OPERATIONS: dict[str, Callable[..., object]] = {
    **{name: _reduction(name) for name in (*NUMBERS, "any", "all")},
    "max": _extreme("amax"),
    "min": _extreme("amin"),
    "mean": _mean,
    "var": _variance,
    "var_mean": _spread,
    "linalg_vector_norm": _norm,
    "cumsum": _cumulated("{} + {}"),
    "cumprod": _cumulated("{} * {}"),
    "_softmax": _softmax(log=False),
    "_log_softmax": _softmax(log=True),
}
