"""Gradients from directional derivatives along each coordinate, for all methods of forward mode."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchbed.interfaces import NotServedError

AT_ONCE = 64
"""Directions that are computed side by side: enough to use a processor well, few enough to bound memory."""

Along = Callable[[Tensor], tuple[Tensor, Tensor]]
"""direction that broadcasts against theta -> value `[...]` and derivative `[...]` along the direction."""


def column_by_column(along: Along, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Return the value `[...]` and the derivatives `[..., dimension]` along each coordinate of theta.

    For a function with several outputs these are the columns of its Jacobian, `[outputs, dimension]`.

    Raises: NotServedError if the function cannot be evaluated along several directions at once.
    """
    basis = torch.eye(theta.shape[-1], dtype=theta.dtype, device=theta.device)
    try:
        chunks = [torch.func.vmap(along)(directions) for directions in basis.split(AT_ONCE)]
    except RuntimeError as error:
        if "vmap" not in str(error):  # torch has no type for the operations that vmap does not support
            raise
        raise NotServedError(
            f"this loss cannot be evaluated along several directions at once ({first_sentence(error)}); "
            "use --gradient reverse"
        ) from error
    values, slopes = zip(*chunks, strict=True)
    return values[0][0], torch.cat(slopes).movedim(0, -1)


def width(dimension: int) -> int:
    """Return the number of losses of a lane that are in memory at once."""
    return min(dimension, AT_ONCE)


def passes_forward(dimension: int) -> float:
    """Return the price of a Jacobian-vector product for each coordinate: 2/3 of a call each (protocol, rule 1)."""
    return 2 / 3 * dimension


def first_sentence(error: Exception) -> str:
    """Return the first sentence of an error's message, which may be long in torch."""
    return str(error).partition("\n")[0].partition(". ")[0].rstrip(".")
