"""Dual numbers a + b ε with ε² = 0: numbers that carry a derivative through every computation.

Whatever is computed from θ + v ε comes out as f(θ) + (∇f(θ) · v) ε: the value and, beside it, the derivative along v.
All it takes is to say what becomes of the slope b in each operation; here for + − × ÷, powers, exp, log, sin, cos and
square roots, in `dual_tensors.py` for sums of tensors, products of matrices and what else tensors need.

Source: Clifford (1873), Preliminary sketch of biquaternions, https://doi.org/10.1112/plms/s1-4.1.381; for derivatives:
Wengert (1964), A simple automatic derivative evaluation program, https://doi.org/10.1145/355586.364791.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import resolve_name

from benchbed.interfaces import NotServedError

RULES: dict[Any, Callable[..., Any]] = {}
"""What stands in for a function of torch, or a method of its tensors, that is given a dual number."""


class Dual:
    """The dual number a + b ε: two tensors of one shape, `value` and `slope`."""

    def __init__(self, value: Tensor, slope: Tensor) -> None:
        self.value, self.slope = value, slope

    def __repr__(self) -> str:
        return f"{self.value} + {self.slope} ε"

    def __add__(self, other: "Operand") -> "Dual":
        u, v = lift(self, other)
        return Dual(u.value + v.value, u.slope + v.slope)

    def __neg__(self) -> "Dual":
        return Dual(-self.value, -self.slope)

    def __sub__(self, other: "Operand") -> "Dual":
        u, v = lift(self, other)
        return Dual(u.value - v.value, u.slope - v.slope)

    def __mul__(self, other: "Operand") -> "Dual":
        u, v = lift(self, other)  # (a + b ε)(c + d ε) = ac + (ad + bc) ε + bd ε², and ε² = 0
        return Dual(u.value * v.value, u.value * v.slope + u.slope * v.value)

    def __truediv__(self, other: "Operand") -> "Dual":
        u, v = lift(self, other)
        quotient = u.value / v.value
        return Dual(quotient, (u.slope - quotient * v.slope) / v.value)

    def __pow__(self, other: "Operand") -> "Dual":
        return power(self, other)

    def __radd__(self, other: "Operand") -> "Dual":
        return self + other

    def __rsub__(self, other: "Operand") -> "Dual":
        return -self + other

    def __rmul__(self, other: "Operand") -> "Dual":
        return self * other

    def __rtruediv__(self, other: Tensor | float) -> "Dual":
        quotient = other / self.value  # by torch itself, which rounds 2/x as (1/x)·2
        return Dual(quotient, -quotient * self.slope / self.value)

    def __rpow__(self, other: "Operand") -> "Dual":
        return power(other, self)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, given: Any = (), named: Any = None) -> Any:
        """Answer in place of a function of torch that met a dual number: torch asks for it by this name."""
        if function not in RULES:
            raise _unknown(resolve_name(function) or f"torch.{function.__name__}")
        return RULES[function](*given, **(named or {}))

    def __getattr__(self, name: str) -> Any:
        """Give a method of tensors, such as `square`, with the dual number in the tensor's place."""
        if name in ("shape", "dtype", "device", "ndim"):
            return getattr(self.value, name)
        if name == "mT":
            return Dual(self.value.mT, self.slope.mT)
        method = getattr(Tensor, name)
        if not callable(method):
            raise _unknown(f"torch.Tensor.{name}")
        return lambda *given, **named: self.__torch_function__(method, (), (self, *given), named)

    def __getitem__(self, index: Any) -> "Dual":
        return Dual(self.value[index], self.slope[index])

    def __len__(self) -> int:
        return len(self.value)

    def __matmul__(self, other: "Operand") -> "Dual":
        u, v = lift(self, other)
        return Dual(u.value @ v.value, u.value @ v.slope + u.slope @ v.value)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]  # as tensors do, number by number
        return torch.eq(*_values(self, other))  # type: ignore[arg-type]  # what is no number, torch refuses

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]  # likewise
        return torch.ne(*_values(self, other))  # type: ignore[arg-type]  # likewise

    __hash__ = object.__hash__

    def __lt__(self, other: "Operand") -> Tensor:
        return torch.lt(*_values(self, other))

    def __le__(self, other: "Operand") -> Tensor:
        return torch.le(*_values(self, other))

    def __gt__(self, other: "Operand") -> Tensor:
        return torch.gt(*_values(self, other))

    def __ge__(self, other: "Operand") -> Tensor:
        return torch.ge(*_values(self, other))

    def __setitem__(self, index: Any, value: Any) -> None:
        raise _unknown("assignment to elements")

    def __bool__(self) -> bool:
        raise _unknown("bool()")

    def __float__(self) -> float:
        raise _unknown("float()")


Operand = Dual | Tensor | float


def lift(*numbers: Operand) -> list[Dual]:
    """Make every number dual: a constant c is c + 0 ε."""
    like = next(number.value for number in numbers if isinstance(number, Dual))
    return [number if isinstance(number, Dual) else _constant(number, like) for number in numbers]


def exp(u: Dual) -> Dual:
    """Give e^a + e^a b ε."""
    value = torch.exp(u.value)
    return Dual(value, value * u.slope)


def log(u: Dual) -> Dual:
    """Give ln a + b/a ε."""
    return Dual(torch.log(u.value), u.slope / u.value)


def sin(u: Dual) -> Dual:
    """Give sin a + (cos a) b ε."""
    return Dual(torch.sin(u.value), torch.cos(u.value) * u.slope)


def cos(u: Dual) -> Dual:
    """Give cos a − (sin a) b ε."""
    return Dual(torch.cos(u.value), -torch.sin(u.value) * u.slope)


def sqrt(u: Dual) -> Dual:
    """Give √a + b / (2√a) ε."""
    root = torch.sqrt(u.value)
    return Dual(root, u.slope / (2 * root))


def square(u: Dual) -> Dual:
    """Give a² + 2ab ε."""
    return Dual(torch.square(u.value), 2 * u.value * u.slope)


def power(base: Operand, exponent: Operand) -> Dual:
    """Give u^v = a^c + (c a^(c−1) b + a^c (ln a) d) ε for u = a + b ε and v = c + d ε.

    A constant base or exponent brings no term of its own: for a ≤ 0 the logarithm would make it no number. A number
    among them stays one, for torch rounds a³ by the number 3 otherwise than by a tensor that holds it.
    """
    u, v = lift(base, exponent)
    a = u.value if isinstance(base, Dual) else base
    c = v.value if isinstance(exponent, Dual) else exponent
    value: Tensor = a**c
    slope = torch.zeros_like(value)
    if isinstance(base, Dual):
        slope = slope + torch.where(v.value == 0, 0, c * a ** (c - 1)) * u.slope
    if isinstance(exponent, Dual):
        slope = slope + value * torch.log(u.value) * v.slope
    return Dual(value, slope)


def teach(rule: Callable[..., Any], *names: str) -> None:
    """Let `rule` stand in for the functions of torch and the methods of its tensors that have these names."""
    for owner in (torch, Tensor):
        RULES.update({getattr(owner, name): rule for name in names if hasattr(owner, name)})


def _values(u: Operand, v: Operand) -> tuple[Tensor, Tensor]:
    one, other = lift(u, v)
    return one.value, other.value


def _constant(number: Tensor | float, like: Tensor) -> Dual:
    value = torch.as_tensor(
        number, dtype=None if isinstance(number, Tensor) else like.dtype, device=like.device
    )
    return Dual(value, torch.zeros_like(value))


def _unknown(name: str) -> NotServedError:
    return NotServedError(f"dual numbers do not know {name}; use --gradient forward")


for _rule in (exp, log, sin, cos, sqrt, square):
    teach(_rule, _rule.__name__)
teach(power, "pow", "__pow__")
