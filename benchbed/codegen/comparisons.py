"""Write what torch compares and chooses number by number, and what it converts."""

import math
from collections.abc import Callable

import numpy as np
import torch

from benchbed.codegen.emitter import Writer
from benchbed.codegen.expressions import Array, Call, Number, Scalar

Operand = Array | Scalar

COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
LOGIC = {"and": "&", "or": "|", "xor": "^"}


def _comparison(sign: str) -> Callable[..., Array]:
    def write(writer: Writer, call: Call, one: Operand, two: Operand) -> Array:
        common = torch.int64 if call.common == torch.bool else call.common
        return writer.each(f"{{}} {sign} {{}}", torch.bool, (one, two), common)

    return write


def _logic(sign: str, only: str) -> Callable[..., Array]:
    def write(writer: Writer, call: Call, one: Operand, two: Operand) -> Array:
        if only == "bitwise" and call.dtype != torch.bool:
            return writer.each(f"{{}} {sign} {{}}", call.dtype, (one, two))
        return writer.each(f"{{}} {sign} {{}}", torch.bool, (one, two), torch.bool)

    return write


def _not(writer: Writer, call: Call, one: Operand) -> Array:
    if call.dtype != torch.bool:
        return writer.each("~{}", call.dtype, (one,))
    return writer.each("negated({})", torch.bool, (one,), torch.bool)


def where(writer: Writer, call: Call, mask: Array, one: Operand, two: Operand) -> Array:
    """Take `one` where the mask is true, and `two` elsewhere."""

    def choose(choice: Number, first: Number, second: Number) -> Number:
        first, second = writer.cast(first, call.dtype), writer.cast(second, call.dtype)
        wide = choice.wide or first.wide or second.wide
        if wide:
            choice, first, second = (writer.widen(number) for number in (choice, first, second))
        return writer.number(f"pick({choice.text}, {first.text}, {second.text})", call.dtype, wide)

    return writer.mapped(choose, mask, writer.array(one, call.dtype), writer.array(two, call.dtype))


def _clamp(
    writer: Writer, call: Call, one: Operand, low: Operand | None = None, high: Operand | None = None
) -> Array:
    result = one if low is None else _bounded(writer, call, "maximum({}, {})", one, low)
    result = result if high is None else _bounded(writer, call, "minimum({}, {})", result, high)
    return convert(writer, call, result)


def _bounded(writer: Writer, call: Call, form: str, one: Operand, bound: Operand) -> Array:
    # Of two zeros the second is taken: as torch does, the bound if it is a tensor.
    pair = (one, bound) if isinstance(bound, np.ndarray) else (bound, one)
    return writer.each(form, call.dtype, pair)


def _clamp_max(writer: Writer, call: Call, one: Operand, high: Operand) -> Array:
    return _clamp(writer, call, one, None, high)


def _hardtanh(writer: Writer, call: Call, one: Operand, low: Scalar = -1.0, high: Scalar = 1.0) -> Array:
    return _clamp(writer, call, one, low, high)


def _sign_bit(writer: Writer, call: Call, one: Operand) -> Array:
    if not call.common.is_floating_point:
        return writer.each("{} < {}", torch.bool, (one, 0), torch.int64)
    return writer.each("of_copysign({}, {}) < {}", torch.bool, (1, one, 0), call.common)


def _is_nan(writer: Writer, call: Call, one: Operand) -> Array:
    return writer.each("{0} != {0}", torch.bool, (one,), call.common)


def _is_infinite(writer: Writer, call: Call, one: Operand) -> Array:
    common = call.common if call.common.is_floating_point else torch.float64
    size = writer.each("of_abs({})", common, (one,))
    return writer.each("{} == {}", torch.bool, (size, math.inf), common)


def _relu(writer: Writer, call: Call, one: Operand) -> Array:
    return _clamp(writer, call, one, 0)


def _leaky_relu(writer: Writer, call: Call, one: Operand, slope: Scalar = 0.01) -> Array:
    return _bent(writer, call, one, one, writer.each("{} * {}", call.dtype, (one, slope)))


def _elu(
    writer: Writer, call: Call, one: Operand, alpha: Scalar = 1, scale: Scalar = 1, inner: Scalar = 1
) -> Array:
    below = writer.each("of_expm1({} * {}) * {}", call.dtype, (one, inner, alpha * scale))
    return _bent(writer, call, one, writer.each("{} * {}", call.dtype, (one, scale)), below)


def _bent(writer: Writer, call: Call, one: Operand, above: Operand, below: Operand) -> Array:
    positive = writer.each("{} > {}", torch.bool, (one, 0), call.dtype)
    return where(writer, call, positive, above, below)


def convert(writer: Writer, call: Call, one: Operand, **_placement: object) -> Array:
    """Give numbers of the type that is called for."""
    return writer.mapped(lambda number: writer.cast(number, call.dtype), writer.array(one, call.dtype))


OPERATIONS: dict[str, Callable[..., Array]] = {
    **{name: _comparison(sign) for name, sign in COMPARISONS.items()},
    **{
        f"{only}_{name}": _logic(sign, only)
        for only in ("bitwise", "logical")
        for name, sign in LOGIC.items()
    },
    "bitwise_not": _not,
    "logical_not": _not,
    "where": where,
    "clamp": _clamp,
    "clamp_min": _clamp,
    "clamp_max": _clamp_max,
    "hardtanh": _hardtanh,
    "signbit": _sign_bit,
    "isnan": _is_nan,
    "isinf": _is_infinite,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "_to_copy": convert,
}
