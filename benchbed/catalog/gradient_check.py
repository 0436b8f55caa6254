"""Checks of registered gradients."""

import inspect
import math
from typing import Any

from torch import Generator
from torch.utils import _pytree as pytree  # as in the engine

from benchbed.catalog.names import error_line, quoted
from benchbed.catalog.records import InvalidPluginError, attempt, require
from benchbed.interfaces import as_gradient

DIMENSIONS = (1, 2, 1_000)
"""Dimensions at which price and width are checked."""
STEPS = 3


def check_gradient(implementation: Any) -> None:
    """Check a gradient. It differentiates nothing, because every command loads all plugins."""
    gradient = as_gradient(implementation)
    optional = [function for function in (gradient.under_vmap, gradient.traced) if function is not None]
    for function in (gradient.differentiate, *optional):
        _check_signature(function, has_draws=gradient.make_draws is not None)
    prices = attempt("calling its price", lambda: [gradient.price(dimension) for dimension in DIMENSIONS])
    widths = attempt("calling its width", lambda: [gradient.width(dimension) for dimension in DIMENSIONS])
    for dimension, price, width in zip(DIMENSIONS, prices, widths, strict=True):
        require(
            isinstance(price, int | float) and 0 < price < math.inf,
            f"its price at dimension {dimension} is {quoted(price)}; it must be finite and above 0",
        )
        require(
            isinstance(width, int) and not isinstance(width, bool) and width >= 1,
            f"its width at dimension {dimension} is {quoted(width)}; it must be an integer of at least 1",
        )
    make_draws = gradient.make_draws
    if make_draws is not None:
        draws = attempt("calling its make_draws", lambda: make_draws(Generator().manual_seed(0), STEPS, 2))
        shapes = [tuple(getattr(leaf, "shape", ())) for leaf in pytree.tree_leaves(draws)]
        require(
            bool(shapes) and all(shape[:1] == (STEPS,) for shape in shapes),
            f"its draws for {STEPS} steps have the shapes {quoted(shapes)}; return tensors [steps, …]",
        )


def _check_signature(function: Any, has_draws: bool) -> None:
    require(
        callable(function),
        f"{quoted(function)} cannot be called; register a function of a loss function and theta",
    )
    arguments = ("function", "theta", "draw") if has_draws else ("function", "theta")
    try:
        inspect.signature(function).bind(*arguments)
    except (TypeError, ValueError) as error:
        raise InvalidPluginError(
            f"it cannot be called with {', '.join(arguments)} ({error_line(error)}); let it take these arguments"
        ) from error
