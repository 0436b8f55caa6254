"""Lowering of arithmetic, functions and rounding, element by element."""

import torch

from benchbed.codegen.comparisons import convert, where
from benchbed.codegen.emitter import Emitter
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import Array, ArrayLike, Scalar, TracedCall
from benchbed.codegen.operation_table import OperationTable

OPERATIONS = OperationTable()
ARITHMETIC = {
    "mul": "{} * {}",
    "neg": "-{}",
    "maximum": "maximum({}, {})",
    "minimum": "minimum({}, {})",
}
BOOL_ARITHMETIC = {"mul": "{} & {}", "maximum": "{} | {}", "minimum": "{} & {}"}
"""A true lane of a mask has all bits set, so that its numbers cannot be multiplied or compared."""
FUNCTIONS = (
    *("sqrt", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "sinh", "cosh"),
    *("tanh", "asin", "acos", "atan", "asinh", "acosh", "atanh", "erf", "erfc", "lgamma"),
    *("atan2", "fmod", "hypot", "copysign", "fmax", "fmin"),
)
ROUNDING = {"floor": "floor", "ceil": "ceil", "trunc": "trunc", "round": "nearbyint"}
INTEGER_POWERS: dict[float, str] = {
    1: "{}",
    2: "{0} * {0}",
    3: "{0} * {0} * {0}",
    4: "squared({0} * {0})",
}
POWERS = {
    **INTEGER_POWERS,
    0.5: "of_sqrt({})",
    -0.5: "1 / of_sqrt({})",
    -1: "1 / {}",
    -2: "1 / ({0} * {0})",
}
"""Powers that torch computes without its power function."""


def _reject_options(options: dict[str, object]) -> None:
    if any(value is not None for value in options.values()):
        raise UnsupportedOperationError(f"the options {', '.join(options)}")


@OPERATIONS.register(*ARITHMETIC)
def _arithmetic(emitter: Emitter, call: TracedCall, *operands: ArrayLike, **options: object) -> Array:
    _reject_options(options)
    templates = BOOL_ARITHMETIC if call.dtype == torch.bool else ARITHMETIC
    if call.name not in templates:
        raise UnsupportedOperationError(f"{call.name} of {call.dtype}")
    return emitter.elementwise(templates[call.name], call.dtype, operands)


@OPERATIONS.register(*FUNCTIONS)
def _function(emitter: Emitter, call: TracedCall, *operands: ArrayLike) -> Array:
    if not call.dtype.is_floating_point:
        raise UnsupportedOperationError(f"{call.name} of integers")
    return emitter.elementwise(f"of_{call.name}({', '.join('{}' for _ in operands)})", call.dtype, operands)


@OPERATIONS.register(*ROUNDING)
def _round(emitter: Emitter, call: TracedCall, x: ArrayLike, **options: object) -> Array:
    _reject_options(options)
    template = f"of_{ROUNDING[call.name]}({{}})" if call.dtype.is_floating_point else "{}"
    return emitter.elementwise(template, call.dtype, (x,))


@OPERATIONS.register("abs")
def _abs(emitter: Emitter, call: TracedCall, x: ArrayLike) -> Array:
    return emitter.elementwise("of_abs({})", call.dtype, (x,))


@OPERATIONS.register("add", "sub")
def _add(emitter: Emitter, call: TracedCall, x: ArrayLike, y: ArrayLike, alpha: Scalar = 1) -> Array:
    if call.dtype == torch.bool:
        if call.name != "add" or not alpha:
            raise UnsupportedOperationError("sums of bool with factors, or differences")
        return emitter.elementwise("{} | {}", call.dtype, (x, y))
    if alpha != 1:
        y = emitter.elementwise("{} * {}", call.dtype, (y, alpha))
    return emitter.elementwise("{} + {}" if call.name == "add" else "{} - {}", call.dtype, (x, y))


@OPERATIONS.register("div")
def _divide(
    emitter: Emitter, call: TracedCall, x: ArrayLike, y: ArrayLike, rounding_mode: str | None = None
) -> Array:
    if rounding_mode is not None and not call.dtype.is_floating_point:
        raise UnsupportedOperationError("rounded quotients of integers")
    quotient = emitter.elementwise("{} / {}", call.dtype, (x, y))
    if rounding_mode is None:
        return quotient
    if rounding_mode == "trunc":
        return emitter.elementwise("of_trunc({})", call.dtype, (quotient,))
    # From the remainder, as in Python and torch: the quotient may have been rounded up to the next integer.
    remainder = _remainder(emitter, call, x, y)
    floor = emitter.elementwise("({} - {}) / {}", call.dtype, (x, remainder, y))
    floor = emitter.elementwise("of_nearbyint({})", call.dtype, (floor,))
    signed_zero = emitter.elementwise("of_copysign(0 * {0}, {1})", call.dtype, (floor, quotient))
    is_zero = emitter.elementwise("{} == {}", torch.bool, (floor, 0), call.dtype)
    floor = where(emitter, call, is_zero, signed_zero, floor)
    by_zero = emitter.elementwise("{} == {}", torch.bool, (y, 0), call.dtype)
    return where(emitter, call, by_zero, quotient, floor)


@OPERATIONS.register("remainder")
def _remainder(emitter: Emitter, call: TracedCall, x: ArrayLike, y: ArrayLike) -> Array:
    if not call.dtype.is_floating_point:
        raise UnsupportedOperationError("remainders of integers")
    # The result has the sign of the divisor.
    remainder = emitter.elementwise("of_fmod({}, {})", call.dtype, (x, y))
    is_nonzero = emitter.elementwise("{} != {}", torch.bool, (remainder, 0), call.dtype)
    signs = [emitter.elementwise("{} < {}", torch.bool, (z, 0), call.dtype) for z in (remainder, y)]
    has_other_sign = emitter.elementwise("{} & ({} ^ {})", torch.bool, (is_nonzero, *signs))
    shifted = emitter.elementwise("{} + {}", call.dtype, (remainder, y))
    return where(emitter, call, has_other_sign, shifted, remainder)


@OPERATIONS.register("pow")
def _power(emitter: Emitter, call: TracedCall, base: ArrayLike, exponent: ArrayLike) -> Array:
    templates = POWERS if call.dtype.is_floating_point else INTEGER_POWERS
    if isinstance(exponent, (int, float)) and exponent in templates and not isinstance(base, (int, float)):
        return emitter.elementwise(templates[exponent], call.dtype, (base,))
    if not call.dtype.is_floating_point:
        raise UnsupportedOperationError("powers of integers")
    return emitter.elementwise("of_pow({}, {})", call.dtype, (base, exponent))


@OPERATIONS.register("sign", "sgn")
def _sign(emitter: Emitter, call: TracedCall, x: ArrayLike) -> Array:
    if call.dtype == torch.bool:
        return convert(emitter, call, x)
    is_positive, is_negative = (
        emitter.elementwise(f"{{}} {symbol} {{}}", torch.bool, (x, 0), call.dtype) for symbol in "><"
    )
    return emitter.elementwise("{} - {}", call.dtype, (is_positive, is_negative))


@OPERATIONS.register("sigmoid")
def _sigmoid(emitter: Emitter, call: TracedCall, x: ArrayLike) -> Array:
    return emitter.elementwise("1 / (1 + of_exp(-{}))", call.dtype, (x,))


@OPERATIONS.register("reciprocal")
def _reciprocal(emitter: Emitter, call: TracedCall, x: ArrayLike) -> Array:
    return emitter.elementwise("1 / {}", call.dtype, (x,))


@OPERATIONS.register("rsqrt")
def _rsqrt(emitter: Emitter, call: TracedCall, x: ArrayLike) -> Array:
    return emitter.elementwise("1 / of_sqrt({})", call.dtype, (x,))
