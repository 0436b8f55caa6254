"""A problem whose gradients are rounded to a few bits."""

import functools
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Gradient, TransformedProblem

Rounding = Literal["nearest", "stochastic"]
MOST_BITS = 16


@dataclass(frozen=True)
class Quantized(TransformedProblem):
    """Round each gradient to `bits` bits a coordinate: g ← δ round(g/δ), δ = max |g| / (2^(bits − 1) − 1).

    With `rounding=nearest` small coordinates become 0; with `rounding=stochastic` round(x) = ⌊x + u⌋, u uniform on
    [0, 1) and drawn anew in each step, so that the mean is exact. It separates methods that amplify small coordinates
    from those that need only the large ones, and shows the use of error feedback. The loss, measured gradient norms,
    and everything else of the problem are exact. It must be the outermost transform, because it rounds the coordinates
    that optimizers see. It acts on gradients by every method of differentiation.

    Source: Alistarh et al. (2017), QSGD: Communication-Efficient SGD via Gradient Quantization and Encoding, section 3,
    arXiv:1610.02132.
    Deviations: the largest coordinate is the unit instead of the Euclidean norm, as in their experiments (section 5);
    rounding to nearest.
    """

    bits: int = 4
    rounding: Rounding = "nearest"

    changes_gradients = True

    def __post_init__(self) -> None:
        """Raise ValueError for a number of bits with no level beside 0, or with more than float32 distinguishes."""
        super().__post_init__()
        if not 2 <= self.bits <= MOST_BITS:
            raise ValueError(f"bits is {self.bits}; must be between 2 and {MOST_BITS}")

    def change_gradient(self, gradient: Gradient) -> Gradient:
        """Round the results of a method of differentiation."""
        return rounded(gradient, self.bits, self.rounding)


def quantize(gradient: Tensor, bits: int, uniform: Tensor | None = None) -> Tensor:
    """Round `gradient: [..., dimension]` to nearest, or down after the addition of `uniform` numbers."""
    unit = gradient.abs().amax(-1, keepdim=True) / (2 ** (bits - 1) - 1)
    levels = gradient / torch.where(unit == 0, 1.0, unit)
    levels = levels.round() if uniform is None else (levels + uniform).floor()
    rounded_gradient: Tensor = unit * levels
    return rounded_gradient


@functools.cache  # compiled steps are cached by the gradient
def rounded(gradient: Gradient, bits: int, rounding: Rounding) -> Gradient:
    """Return a method of differentiation whose gradients are rounded, for lanes, under vmap, and in compiled steps."""
    is_stochastic = rounding == "stochastic"

    def with_rounding(differentiate: Any) -> Any:
        def differentiate_and_round(function: Any, theta: Tensor, draw: Any = None) -> tuple[Tensor, Tensor]:
            inner, uniform = draw if is_stochastic else (draw, None)
            loss, result = differentiate(function, theta, *(() if inner is None else (inner,)))
            return loss, quantize(result, bits, uniform)

        return None if differentiate is None else differentiate_and_round

    def make_draws(generator: Generator, steps: int, dimension: int) -> tuple[Any, Tensor]:
        inner = None if gradient.make_draws is None else gradient.make_draws(generator, steps, dimension)
        return inner, torch.rand(steps, dimension, generator=generator, dtype=torch.float64)

    return gradient._replace(
        differentiate=with_rounding(gradient.differentiate),
        under_vmap=with_rounding(gradient.under_vmap),
        traced=with_rounding(gradient.traced),
        make_draws=make_draws if is_stochastic else gradient.make_draws,
    )
