"""Dual numbers a + b ε with ε² = 0: numbers that carry a derivative through every computation.

A function of θ + v ε has the value f(θ) + (∇f(θ) · v) ε: the value, and the derivative along v as the slope. It takes
only a rule for the slope in each operation: here for + − × ÷, powers, exp, log, sin, cos and square roots, in
`dual_tensors.py` for sums of tensors, products of matrices and further operations of tensors, and in
`dual_activations.py` for the activations of networks.

Source: Clifford (1873), Preliminary sketch of biquaternions, https://doi.org/10.1112/plms/s1-4.1.381; for derivatives:
Wengert (1964), A simple automatic derivative evaluation program, https://doi.org/10.1145/355586.364791.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import resolve_name

from benchbed.interfaces import NotServedError

RULES: dict[Any, Callable[..., Any]] = {}
"""The function that replaces a function of torch, or a method of its tensors, for dual numbers."""


class Dual:
    """The dual number a + b ε: two tensors of one shape, `value` and `slope`; Python's numbers become float64."""

    def __init__(self, value: Tensor | float, slope: Tensor | float) -> None:
        self.value, self.slope = (
            torch.tensor(number, dtype=torch.float64) if isinstance(number, int | float) else number
            for number in (value, slope)
        )

    def __repr__(self) -> str:
        return f"{self.value} + {self.slope} ε"

    def __add__(self, operand: "Operand") -> "Dual":
        u, v = lift(self, operand)
        return Dual(u.value + v.value, u.slope + v.slope)

    def __neg__(self) -> "Dual":
        return Dual(-self.value, -self.slope)

    def __sub__(self, operand: "Operand") -> "Dual":
        u, v = lift(self, operand)
        return Dual(u.value - v.value, u.slope - v.slope)

    def __mul__(self, operand: "Operand") -> "Dual":
        u, v = lift(self, operand)  # (a + b ε)(c + d ε) = ac + (ad + bc) ε + bd ε², and ε² = 0
        return Dual(u.value * v.value, u.value * v.slope + u.slope * v.value)

    def __truediv__(self, operand: "Operand") -> "Dual":
        u, v = lift(self, operand)
        quotient = u.value / v.value
        return Dual(quotient, (u.slope - quotient * v.slope) / v.value)

    def __pow__(self, operand: "Operand") -> "Dual":
        return power(self, operand)

    def __radd__(self, operand: "Operand") -> "Dual":
        return self + operand

    def __rsub__(self, operand: "Operand") -> "Dual":
        return -self + operand

    def __rmul__(self, operand: "Operand") -> "Dual":
        return self * operand

    def __rtruediv__(self, operand: Tensor | float) -> "Dual":
        quotient = operand / self.value  # as torch computes it: it rounds 2/x as (1/x)·2
        return Dual(quotient, -quotient * self.slope / self.value)

    def __rpow__(self, operand: "Operand") -> "Dual":
        return power(operand, self)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        """Replace a function of torch that was called with a dual number; torch looks up this name."""
        if function not in RULES:
            raise not_implemented(resolve_name(function) or f"torch.{function.__name__}")
        return RULES[function](*arguments, **(keywords or {}))

    def __getattr__(self, name: str) -> Any:
        """Return a method of tensors, such as `square`, that is applied to the dual number."""
        if name in ("shape", "dtype", "device", "ndim"):
            return getattr(self.value, name)
        if name == "mT":
            return Dual(self.value.mT, self.slope.mT)
        method = getattr(Tensor, name)
        if not callable(method):
            raise not_implemented(f"torch.Tensor.{name}")
        return lambda *arguments, **keywords: self.__torch_function__(
            method, (), (self, *arguments), keywords
        )

    def __getitem__(self, index: Any) -> "Dual":
        return Dual(self.value[index], self.slope[index])

    def __len__(self) -> int:
        return len(self.value)

    def __matmul__(self, operand: "Operand") -> "Dual":
        u, v = lift(self, operand)
        return Dual(u.value @ v.value, u.value @ v.slope + u.slope @ v.value)

    def __eq__(self, operand: object) -> Tensor:  # type: ignore[override]  # elementwise, as for tensors
        return torch.eq(*_values(self, operand))  # type: ignore[arg-type]  # torch rejects operand types

    def __ne__(self, operand: object) -> Tensor:  # type: ignore[override]  # likewise
        return torch.ne(*_values(self, operand))  # type: ignore[arg-type]  # likewise

    __hash__ = object.__hash__

    def __lt__(self, operand: "Operand") -> Tensor:
        return torch.lt(*_values(self, operand))

    def __le__(self, operand: "Operand") -> Tensor:
        return torch.le(*_values(self, operand))

    def __gt__(self, operand: "Operand") -> Tensor:
        return torch.gt(*_values(self, operand))

    def __ge__(self, operand: "Operand") -> Tensor:
        return torch.ge(*_values(self, operand))

    def __setitem__(self, index: Any, value: Any) -> None:
        raise not_implemented("assignment to elements")

    def __bool__(self) -> bool:
        raise not_implemented("bool()")

    def __float__(self) -> float:
        raise not_implemented("float()")


Operand = Dual | Tensor | float


def lift(*numbers: Operand) -> list[Dual]:
    """Convert every number to a dual number: a constant c is c + 0 ε."""
    like = next(number.value for number in numbers if isinstance(number, Dual))
    lifted = []
    for number in numbers:
        if isinstance(number, Dual):
            lifted.append(number)
            continue
        dtype = None if isinstance(number, Tensor) else like.dtype
        value = torch.as_tensor(number, dtype=dtype, device=like.device)
        lifted.append(Dual(value, torch.zeros_like(value)))
    return lifted


def exp(u: Dual) -> Dual:
    """Compute e^a + e^a b ε."""
    value = torch.exp(u.value)
    return Dual(value, value * u.slope)


def log(u: Dual) -> Dual:
    """Compute ln a + b/a ε."""
    return Dual(torch.log(u.value), u.slope / u.value)


def sin(u: Dual) -> Dual:
    """Compute sin a + (cos a) b ε."""
    return Dual(torch.sin(u.value), torch.cos(u.value) * u.slope)


def cos(u: Dual) -> Dual:
    """Compute cos a − (sin a) b ε."""
    return Dual(torch.cos(u.value), -torch.sin(u.value) * u.slope)


def sqrt(u: Dual) -> Dual:
    """Compute √a + b / (2√a) ε."""
    root = torch.sqrt(u.value)
    return Dual(root, u.slope / (2 * root))


def square(u: Dual) -> Dual:
    """Compute a² + 2ab ε."""
    return Dual(torch.square(u.value), 2 * u.value * u.slope)


def power(base: Operand, exponent: Operand) -> Dual:
    """Compute u^v = a^c + (c a^(c−1) b + a^c (ln a) d) ε for u = a + b ε and v = c + d ε.

    A constant base or exponent adds no term: for a ≤ 0 the logarithm would turn it into NaN. A Python number stays one,
    because torch rounds a³ differently if the exponent is a tensor that contains 3.
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


def register_rule(rule: Callable[..., Any], *names: str) -> None:
    """Register `rule` for the functions of torch and the methods of its tensors that have these names."""
    for owner in (torch, Tensor, functional):
        RULES.update({getattr(owner, name): rule for name in names if hasattr(owner, name)})


def _values(u: Operand, v: Operand) -> tuple[Tensor, Tensor]:
    first, second = lift(u, v)
    return first.value, second.value


def not_implemented(name: str) -> NotServedError:
    """Build the error for an operation without a rule."""
    return NotServedError(f"dual numbers do not implement {name}; use --gradient forward")


for _rule in (exp, log, sin, cos, sqrt, square):
    register_rule(_rule, _rule.__name__)
register_rule(power, "pow", "__pow__")
