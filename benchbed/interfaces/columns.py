"""Put a gradient together column by column, from derivatives along the coordinates: what all forward modes do."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchbed.interfaces import NotServedError

AT_ONCE = 64
"""Directions that are followed side by side: enough to keep a processor busy, few enough to bound memory."""

Along = Callable[[Tensor], tuple[Tensor, Tensor]]
"""A direction that broadcasts against theta -> the value `[...]`, and its derivative `[...]` along the direction."""


def column_by_column(along: Along, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Give the value `[...]` and the derivatives `[..., dimension]` along each of theta's coordinates.

    Of a function with several outputs these are the columns of its Jacobian, `[outputs, dimension]`.

    Raises: NotServedError if the function cannot be followed along several directions at once.
    """
    basis = torch.eye(theta.shape[-1], dtype=theta.dtype, device=theta.device)
    try:
        pieces = [torch.func.vmap(along)(directions) for directions in basis.split(AT_ONCE)]
    except RuntimeError as error:
        if "vmap" not in str(error):
            raise
        raise NotServedError(
            f"this loss cannot be evaluated along several directions at once ({first_sentence(error)}); "
            "use --gradient reverse"
        ) from error
    values, slopes = zip(*pieces, strict=True)
    return values[0][0], torch.cat(slopes).movedim(0, -1)


def width(dimension: int) -> int:
    """Give how many losses of a lane are kept alive at once."""
    return min(dimension, AT_ONCE)


def passes_forward(dimension: int) -> float:
    """Price one Jacobian-vector product for each coordinate: 2/3 of a call each (protocol, rule 1)."""
    return 2 / 3 * dimension


def first_sentence(error: Exception) -> str:
    """Give the beginning of an error's message, which torch may continue for pages."""
    return str(error).partition("\n")[0].partition(". ")[0].rstrip(".")
