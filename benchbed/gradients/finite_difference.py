"""Central finite differences: nothing is differentiated; the loss is evaluated beside the point, twice a parameter."""

import torch
from torch import Tensor

from benchbed.interfaces import Gradient
from benchbed.interfaces.columns import column_by_column, width
from benchbed.interfaces.gradient import Differentiable


def _finite_difference(function: Differentiable, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Approximate each derivative by (f(θ + h) − f(θ − h)) / 2h, with h = ε^(1/3) max(1, |θ|) for each parameter.

    Cutting off Taylor's series costs h² |f‴| / 6, and rounding f to a share ε of itself costs ε |f| / h. Where nothing
    is known of f, both are taken to vary on a scale of max(1, |θ|): the sum is least at h near ε^(1/3) of that scale,
    and about ε^(2/3), 4e-11 in double precision and 2e-5 in single.

    Source: Nocedal & Wright (2006), Numerical Optimization, section 8.1, https://doi.org/10.1007/978-0-387-40065-5.
    """
    size = torch.finfo(theta.dtype).eps ** (1 / 3) * theta.abs().clamp(min=1)
    loss = function(theta)

    def along(direction: Tensor) -> tuple[Tensor, Tensor]:
        ahead, behind = theta + direction * size, theta - direction * size
        # θ + h is rounded: what the two points are truly apart is what is divided by.
        return loss, (function(ahead) - function(behind)) / (ahead - behind).sum(-1)

    return column_by_column(along, theta)


def _two_losses_each(dimension: int) -> float:
    return (2 * dimension + 1) / 3


finite_difference = Gradient(
    _finite_difference, price=_two_losses_each, traced=_finite_difference, width=width
)
