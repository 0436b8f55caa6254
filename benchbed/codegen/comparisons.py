"""Lowering of comparisons, logic, choices and conversions, element by element."""

import math

import numpy as np
import torch

from benchbed.codegen.emitter import Emitter
from benchbed.codegen.expressions import Array, ArrayLike, Expression, Scalar, TracedCall
from benchbed.codegen.operation_table import OperationTable

OPERATIONS = OperationTable()
COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
LOGIC = {"and": "&", "or": "|", "xor": "^"}


@OPERATIONS.register(*COMPARISONS)
def _comparison(emitter: Emitter, call: TracedCall, x: ArrayLike, y: ArrayLike) -> Array:
    common = torch.int64 if call.operand_dtype == torch.bool else call.operand_dtype
    return emitter.elementwise(f"{{}} {COMPARISONS[call.name]} {{}}", torch.bool, (x, y), common)


@OPERATIONS.register(*(f"{prefix}_{name}" for prefix in ("bitwise", "logical") for name in LOGIC))
def _logic(emitter: Emitter, call: TracedCall, x: ArrayLike, y: ArrayLike) -> Array:
    prefix, name = call.name.split("_")
    is_bitwise = prefix == "bitwise" and call.dtype != torch.bool
    return emitter.elementwise(f"{{}} {LOGIC[name]} {{}}", call.dtype if is_bitwise else torch.bool, (x, y))


@OPERATIONS.register("bitwise_not", "logical_not")
def _not(emitter: Emitter, call: TracedCall, x: ArrayLike) -> Array:
    template = "logical_not({})" if call.dtype == torch.bool else "~{}"
    return emitter.elementwise(template, call.dtype, (x,))


@OPERATIONS.register("where")
def where(emitter: Emitter, call: TracedCall, mask: Array, x: ArrayLike, y: ArrayLike) -> Array:
    """Select `x` where the mask is true, and `y` elsewhere."""

    def select(condition: Expression, first: Expression, second: Expression) -> Expression:
        first, second = emitter.cast(first, call.dtype), emitter.cast(second, call.dtype)
        is_vector = condition.is_vector or first.is_vector or second.is_vector
        if is_vector:
            condition, first, second = map(emitter.broadcast, (condition, first, second))
        return emitter.assign(f"select({condition.text}, {first.text}, {second.text})", call.dtype, is_vector)

    return emitter.map(select, mask, emitter.array(x, call.dtype), emitter.array(y, call.dtype))


@OPERATIONS.register("clamp", "clamp_min", "hardtanh")
def _clamp(
    emitter: Emitter,
    call: TracedCall,
    x: ArrayLike,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
) -> Array:
    if call.name == "hardtanh":
        low, high = (-1.0 if low is None else low), (1.0 if high is None else high)
    for template, bound in (("maximum({}, {})", low), ("minimum({}, {})", high)):
        if bound is not None:
            # Of two zeros with different signs the second operand is returned; in torch it is a bound given as tensor.
            operands = (x, bound) if isinstance(bound, np.ndarray) else (bound, x)
            x = emitter.elementwise(template, call.dtype, operands)
    return emitter.cast_array(x, call.dtype)


@OPERATIONS.register("clamp_max")
def _clamp_max(emitter: Emitter, call: TracedCall, x: ArrayLike, high: ArrayLike) -> Array:
    return _clamp(emitter, call, x, None, high)


@OPERATIONS.register("relu")
def _relu(emitter: Emitter, call: TracedCall, x: ArrayLike) -> Array:
    return _clamp(emitter, call, x, 0)


@OPERATIONS.register("signbit")
def _signbit(emitter: Emitter, call: TracedCall, x: ArrayLike) -> Array:
    if not call.operand_dtype.is_floating_point:
        return emitter.elementwise("{} < {}", torch.bool, (x, 0), torch.int64)
    return emitter.elementwise("of_copysign({}, {}) < {}", torch.bool, (1, x, 0), call.operand_dtype)


@OPERATIONS.register("isnan")
def _isnan(emitter: Emitter, call: TracedCall, x: ArrayLike) -> Array:
    return emitter.elementwise("{0} != {0}", torch.bool, (x,), call.operand_dtype)


@OPERATIONS.register("isinf")
def _isinf(emitter: Emitter, call: TracedCall, x: ArrayLike) -> Array:
    common = call.operand_dtype if call.operand_dtype.is_floating_point else torch.float64
    magnitude = emitter.elementwise("of_abs({})", common, (x,))
    return emitter.elementwise("{} == {}", torch.bool, (magnitude, math.inf), common)


@OPERATIONS.register("leaky_relu")
def _leaky_relu(emitter: Emitter, call: TracedCall, x: ArrayLike, slope: Scalar = 0.01) -> Array:
    is_positive = emitter.elementwise("{} > {}", torch.bool, (x, 0), call.dtype)
    return where(emitter, call, is_positive, x, emitter.elementwise("{} * {}", call.dtype, (x, slope)))


@OPERATIONS.register("elu")
def _elu(
    emitter: Emitter,
    call: TracedCall,
    x: ArrayLike,
    alpha: Scalar = 1,
    scale: Scalar = 1,
    input_scale: Scalar = 1,
) -> Array:
    negative_value = emitter.elementwise(
        "of_expm1({} * {}) * {}", call.dtype, (x, input_scale, alpha * scale)
    )
    positive_value = emitter.elementwise("{} * {}", call.dtype, (x, scale))
    is_positive = emitter.elementwise("{} > {}", torch.bool, (x, 0), call.dtype)
    return where(emitter, call, is_positive, positive_value, negative_value)


@OPERATIONS.register("_to_copy")
def convert(emitter: Emitter, call: TracedCall, x: ArrayLike, **_placement: object) -> Array:
    """Convert to the result's type."""
    return emitter.cast_array(x, call.dtype)
