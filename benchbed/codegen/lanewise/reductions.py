"""Lanewise lowering of operations along dimensions: sums, norms, extremes, variances, cumulative sums, softmax."""

import math
from collections.abc import Sequence

import numpy as np
import torch

from benchbed.codegen.emitter import Emitter
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import Array, Scalar, TracedCall, literal
from benchbed.codegen.operation_table import OperationTable

OPERATIONS = OperationTable()
Dimensions = Sequence[int] | int | None

NUMBER_TEMPLATES = {"sum": "{} + {}", "prod": "{} * {}", "amax": "maximum({}, {})", "amin": "minimum({}, {})"}
BOOL_TEMPLATES = {"amax": "{} | {}", "amin": "{} & {}", "any": "{} | {}", "all": "{} & {}"}
EMPTY_VALUES: dict[str, Scalar] = {"sum": 0, "prod": 1, "any": False, "all": True}
"""Results of a reduction of zero numbers."""


def _axes(array: Array, dimensions: Dimensions) -> list[int]:
    """Return `dimensions` as sorted non-negative numbers; None or an empty list means all."""
    listed = (dimensions,) if isinstance(dimensions, int) else dimensions
    if not listed or not array.ndim:
        return list(range(array.ndim))
    return sorted(axis % array.ndim for axis in listed)


def _rows(array: Array, dimensions: Dimensions) -> Array:
    """Move `dimensions` to the end and flatten them to one."""
    axes = _axes(array, dimensions)
    remaining = [axis for axis in range(array.ndim) if axis not in axes]
    length = math.prod(array.shape[axis] for axis in axes)
    return array.transpose(remaining + axes).reshape([array.shape[axis] for axis in remaining] + [length])


def _reduce_rows(emitter: Emitter, call: TracedCall, rows: Array, name: str) -> Array:
    templates = BOOL_TEMPLATES if call.dtype == torch.bool else NUMBER_TEMPLATES
    if name not in templates or not (rows.shape[-1] or name in EMPTY_VALUES):
        raise UnsupportedOperationError(f"{name} of {call.dtype}, or of zero numbers")
    flat = rows.reshape(math.prod(rows.shape[:-1]), rows.shape[-1])
    result: Array = np.empty(len(flat), dtype=object)
    for index, row in enumerate(flat):
        operands = [emitter.cast(operand, call.dtype) for operand in row]
        result[index] = (
            emitter.reduce_tree(templates[name], call.dtype, operands)
            if operands
            else literal(EMPTY_VALUES[name], call.dtype)
        )
    return result.reshape(call.shape)


def _keep_dimensions(reduced: Array, array: Array, dimensions: Dimensions) -> Array:
    """Insert the reduced dimensions of `array` into `reduced` with length 1."""
    axes = _axes(array, dimensions)
    return reduced.reshape([1 if axis in axes else size for axis, size in enumerate(array.shape)])


@OPERATIONS.register(*NUMBER_TEMPLATES, "any", "all")
def _reduce(
    emitter: Emitter,
    call: TracedCall,
    array: Array,
    dimensions: Dimensions = None,
    _keepdim: bool = False,
    **_options: object,
) -> Array:
    return _reduce_rows(emitter, call, _rows(array, dimensions), call.name)


@OPERATIONS.register("mean")
def _mean(
    emitter: Emitter,
    call: TracedCall,
    array: Array,
    dimensions: Dimensions = None,
    _keepdim: bool = False,
    **_options: object,
) -> Array:
    rows = _rows(array, dimensions)
    total = _reduce_rows(emitter, call, rows, "sum")
    return emitter.elementwise("{} / {}", call.dtype, (total, float(rows.shape[-1])))


@OPERATIONS.register("var_mean")
def _variance_and_mean(
    emitter: Emitter,
    call: TracedCall,
    array: Array,
    dimensions: Dimensions = None,
    correction: Scalar | None = None,
    keepdim: bool = False,
) -> tuple[Array, Array]:
    mean = _mean(emitter, call, array, dimensions)
    deviations = emitter.elementwise(
        "{} - {}", call.dtype, (array, _keep_dimensions(mean, array, dimensions))
    )
    rows = _rows(emitter.elementwise("{0} * {0}", call.dtype, (deviations,)), dimensions)
    degrees_of_freedom = max(0.0, rows.shape[-1] - float(1 if correction is None else correction))
    total = _reduce_rows(emitter, call, rows, "sum")
    return emitter.elementwise("{} / {}", call.dtype, (total, degrees_of_freedom)), mean


@OPERATIONS.register("var")
def _variance(emitter: Emitter, call: TracedCall, *arguments: object, **options: object) -> Array:
    return _variance_and_mean(emitter, call, *arguments, **options)[0]  # type: ignore[arg-type]  # torch checked them


@OPERATIONS.register("linalg_vector_norm")
def _norm(
    emitter: Emitter,
    call: TracedCall,
    array: Array,
    order: float = 2,
    dimensions: Dimensions = None,
    _keepdim: bool = False,
    **_options: object,
) -> Array:
    rows = emitter.cast_array(_rows(array, dimensions), call.dtype)
    if order == 2:
        total = _reduce_rows(emitter, call, emitter.elementwise("{0} * {0}", call.dtype, (rows,)), "sum")
        return emitter.elementwise("of_sqrt({})", call.dtype, (total,))
    if order == 0:
        is_nonzero = emitter.elementwise("{} != {}", torch.bool, (rows, 0), call.dtype)
        return _reduce_rows(emitter, call, is_nonzero, "sum")
    magnitudes = emitter.elementwise("of_abs({})", call.dtype, (rows,))
    reductions = {1: "sum", math.inf: "amax", -math.inf: "amin"}
    if order in reductions:
        return _reduce_rows(emitter, call, magnitudes, reductions[order])
    powers = emitter.elementwise("of_pow({}, {})", call.dtype, (magnitudes, order))
    total = _reduce_rows(emitter, call, powers, "sum")
    return emitter.elementwise("of_pow({}, {})", call.dtype, (total, 1 / order))


@OPERATIONS.register("max", "min")
def _extreme(
    emitter: Emitter, call: TracedCall, array: Array, dimension: int | None = None, _keepdim: bool = False
) -> object:
    value = _reduce_rows(emitter, call, _rows(array, dimension), f"a{call.name}")
    return value if dimension is None else (value, None)  # the index, which differs by lane, is not supported


@OPERATIONS.register("cumsum", "cumprod")
def _cumulate(emitter: Emitter, call: TracedCall, array: Array, dimension: int, **_options: object) -> Array:
    template = NUMBER_TEMPLATES[call.name.removeprefix("cum")]
    result = emitter.cast_array(array, call.dtype)
    if not result.ndim:
        return result
    slices = np.moveaxis(result, dimension, 0)  # a view: writing to it changes `result`
    for index in range(1, len(slices)):
        slices[index, ...] = emitter.elementwise(
            template, call.dtype, (slices[index - 1, ...], slices[index, ...])
        )
    return result


@OPERATIONS.register("_softmax", "_log_softmax")
def _softmax(emitter: Emitter, call: TracedCall, array: Array, dimension: int, _half_to_float: bool) -> Array:
    def reduce_dimension(name: str, operand: Array) -> Array:
        rows = _rows(operand, dimension)
        reduced = _reduce_rows(emitter, call._replace(shape=rows.shape[:-1]), rows, name)
        return _keep_dimensions(reduced, operand, dimension)

    shifted = emitter.elementwise("{} - {}", call.dtype, (array, reduce_dimension("amax", array)))
    exponentials = emitter.elementwise("of_exp({})", call.dtype, (shifted,))
    total = reduce_dimension("sum", exponentials)
    if call.name == "_log_softmax":
        return emitter.elementwise("{} - of_log({})", call.dtype, (shifted, total))
    return emitter.elementwise("{} / {}", call.dtype, (exponentials, total))
