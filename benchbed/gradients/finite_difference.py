"""Central finite differences, with two evaluations of the loss for each parameter."""

import torch
from torch import Tensor

from benchbed.interfaces import Gradient
from benchbed.interfaces.columns import column_by_column, width
from benchbed.interfaces.gradient import Differentiable


def _finite_difference(function: Differentiable, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Approximate each derivative by (f(θ + h) − f(θ − h)) / 2h, with h = ε^(1/3) max(1, |θ|) for each parameter.

    The truncation error of the Taylor series is h² |f‴| / 6, the rounding error ε |f| / h. Under the assumption that f
    varies on a scale of max(1, |θ|), their sum is least for h near ε^(1/3) of that scale; it is then about ε^(2/3),
    4e-11 in double precision and 2e-5 in single.

    Source: Nocedal & Wright (2006), Numerical Optimization, section 8.1, https://doi.org/10.1007/978-0-387-40065-5.
    """
    step = torch.finfo(theta.dtype).eps ** (1 / 3) * theta.abs().clamp(min=1)
    loss = function(theta)

    def along(direction: Tensor) -> tuple[Tensor, Tensor]:
        upper, lower = theta + direction * step, theta - direction * step
        # θ ± h is rounded, so divide by the actual distance of the points.
        return loss, (function(upper) - function(lower)) / (upper - lower).sum(-1)

    return column_by_column(along, theta)


finite_difference = Gradient(
    _finite_difference,
    price=lambda dimension: (2 * dimension + 1) / 3,
    traced=_finite_difference,
    width=width,
)
