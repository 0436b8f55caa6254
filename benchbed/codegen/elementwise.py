"""Write what torch computes number by number: arithmetic, functions, roundings."""

from collections.abc import Callable

import torch

from benchbed.codegen.comparisons import Operand, convert, where
from benchbed.codegen.emitter import Writer
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import Array, Call, Scalar

OF_NUMBERS = {
    "mul": "{} * {}",
    "neg": "-{}",
    "maximum": "maximum({}, {})",
    "minimum": "minimum({}, {})",
}
OF_TRUTHS = {"mul": "{} & {}", "maximum": "{} | {}", "minimum": "{} & {}"}
"""The same for the type bool, of which a vector holds no 1 but all bits."""
FUNCTIONS = (
    *(
        "sqrt",
        "exp",
        "exp2",
        "expm1",
        "log",
        "log1p",
        "log2",
        "log10",
        "sin",
        "cos",
        "tan",
        "sinh",
        "cosh",
        "tanh",
    ),
    *("asin", "acos", "atan", "asinh", "acosh", "atanh", "erf", "erfc", "lgamma"),
    *("atan2", "fmod", "hypot", "copysign", "fmax", "fmin"),
)
ROUNDINGS = {"floor": "floor", "ceil": "ceil", "trunc": "trunc", "round": "nearbyint"}


def _refuse(options: dict[str, object]) -> None:
    if any(value is not None for value in options.values()):
        raise UnsupportedOperationError(f"the options {', '.join(options)}")


def _arithmetic(name: str) -> Callable[..., Array]:
    def write(writer: Writer, call: Call, *operands: Operand, **options: object) -> Array:
        _refuse(options)
        forms = OF_TRUTHS if call.dtype == torch.bool else OF_NUMBERS
        if name not in forms:
            raise UnsupportedOperationError(f"{name} of {call.dtype}")
        return writer.each(forms[name], call.dtype, operands)

    return write


def _function(name: str) -> Callable[..., Array]:
    def write(writer: Writer, call: Call, *operands: Operand) -> Array:
        if not call.dtype.is_floating_point:
            raise UnsupportedOperationError(f"{name} of whole numbers")
        return writer.each(f"of_{name}({', '.join('{}' for _ in operands)})", call.dtype, operands)

    return write


def _rounding(name: str) -> Callable[..., Array]:
    def write(writer: Writer, call: Call, one: Operand, **options: object) -> Array:
        _refuse(options)
        return writer.each(f"of_{name}({{}})" if call.dtype.is_floating_point else "{}", call.dtype, (one,))

    return write


def _size(writer: Writer, call: Call, one: Operand) -> Array:
    return writer.each("of_abs({})", call.dtype, (one,))


def _sum(sign: str) -> Callable[..., Array]:
    def write(writer: Writer, call: Call, one: Operand, two: Operand, alpha: Scalar = 1) -> Array:
        if call.dtype == torch.bool:
            if sign != "+" or not alpha:
                raise UnsupportedOperationError("sums of bool with factors, or differences")
            return writer.each("{} | {}", call.dtype, (one, two))
        if alpha != 1:
            two = writer.each("{} * {}", call.dtype, (two, alpha))
        return writer.each(f"{{}} {sign} {{}}", call.dtype, (one, two))

    return write


def _quotient(
    writer: Writer, call: Call, one: Operand, two: Operand, rounding_mode: str | None = None
) -> Array:
    if rounding_mode is not None and not call.dtype.is_floating_point:
        raise UnsupportedOperationError("whole quotients of whole numbers")
    exact = writer.each("{} / {}", call.dtype, (one, two))
    if rounding_mode is None:
        return exact
    if rounding_mode == "trunc":
        return writer.each("of_trunc({})", call.dtype, (exact,))
    # By what remains, as Python and torch do: a rounded quotient may be the next whole number.
    down = writer.each("({} - {}) / {}", call.dtype, (one, _remainder(writer, call, one, two), two))
    whole = writer.each("of_nearbyint({})", call.dtype, (down,))
    zero = writer.each("of_copysign(0 * {0}, {1})", call.dtype, (whole, exact))
    whole = where(writer, call, writer.each("{} == {}", torch.bool, (whole, 0), call.dtype), zero, whole)
    return where(writer, call, writer.each("{} == {}", torch.bool, (two, 0), call.dtype), exact, whole)


def _remainder(writer: Writer, call: Call, one: Operand, two: Operand) -> Array:
    """What remains has the sign of the divisor."""
    rest = _function("fmod")(writer, call, one, two)
    some = writer.each("{} != {}", torch.bool, (rest, 0), call.dtype)
    signs = [writer.each("{} < {}", torch.bool, (each, 0), call.dtype) for each in (rest, two)]
    other = writer.each("{} & ({} ^ {})", torch.bool, (some, *signs))
    return where(writer, call, other, writer.each("{} + {}", call.dtype, (rest, two)), rest)


def _power(writer: Writer, call: Call, base: Operand, exponent: Operand) -> Array:
    """Write small powers as products, as torch does, and the others by the function."""
    products: dict[float, str] = {1: "{}", 2: "{0} * {0}", 3: "{0} * {0} * {0}", 4: "squared({0} * {0})"}
    floating = {0.5: "of_sqrt({})", -0.5: "1 / of_sqrt({})", -1: "1 / {}", -2: "1 / ({0} * {0})"}
    forms = {**products, **floating} if call.dtype.is_floating_point else products
    if isinstance(exponent, (int, float)) and exponent in forms and not isinstance(base, (int, float)):
        return writer.each(forms[exponent], call.dtype, (base,))
    if not call.dtype.is_floating_point:
        raise UnsupportedOperationError("powers of whole numbers")
    return writer.each("of_pow({}, {})", call.dtype, (base, exponent))


def _sign(writer: Writer, call: Call, one: Operand) -> Array:
    if call.dtype == torch.bool:
        return convert(writer, call, one)
    above, below = (writer.each(f"{{}} {sign} {{}}", torch.bool, (one, 0), call.dtype) for sign in "><")
    return writer.each("{} - {}", call.dtype, (above, below))


def _sigmoid(writer: Writer, call: Call, one: Operand) -> Array:
    return writer.each("1 / (1 + of_exp(-{}))", call.dtype, (one,))


def _reciprocal(writer: Writer, call: Call, one: Operand) -> Array:
    return writer.each("1 / {}", call.dtype, (one,))


def _reciprocal_root(writer: Writer, call: Call, one: Operand) -> Array:
    return writer.each("1 / of_sqrt({})", call.dtype, (one,))


OPERATIONS: dict[str, Callable[..., Array]] = {
    **{name: _arithmetic(name) for name in OF_NUMBERS},
    **{name: _function(name) for name in FUNCTIONS},
    **{name: _rounding(form) for name, form in ROUNDINGS.items()},
    "abs": _size,
    "add": _sum("+"),
    "sub": _sum("-"),
    "div": _quotient,
    "remainder": _remainder,
    "pow": _power,
    "sign": _sign,
    "sgn": _sign,
    "sigmoid": _sigmoid,
    "reciprocal": _reciprocal,
    "rsqrt": _reciprocal_root,
}
