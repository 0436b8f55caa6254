"""Refuse a gradient that breaks the contract, without differentiating anything: a plugin is loaded by everybody."""

import inspect
import math
from typing import Any

from torch import Generator
from torch.utils import _pytree as pytree  # torch's own trees, by which the engine walks draws as well

from benchbed.catalog.checks import attempt, require
from benchbed.catalog.names import error_line, quoted
from benchbed.catalog.records import InvalidPluginError
from benchbed.interfaces import Gradient, as_gradient

DIMENSIONS = (1, 2, 1_000)
"""Where price and width are asked."""
STEPS = 3


def check_gradient(thing: Any) -> None:
    """Validate one. Raises: InvalidPluginError with what is wrong and what to do."""
    gradient = as_gradient(thing)
    for name in ("differentiate", "under_vmap", "traced"):
        form = getattr(gradient, name)
        if name == "differentiate" or form is not None:
            _check_form(form, draws=gradient.make_draws is not None)
    for dimension in DIMENSIONS:
        _check_numbers(gradient, dimension)
    if gradient.make_draws is not None:
        _check_draws(gradient)


def _check_form(form: Any, draws: bool) -> None:
    require(
        callable(form), f"{quoted(form)} cannot be called; register a function of a loss function and theta"
    )
    words = ("function", "theta", "draw") if draws else ("function", "theta")
    try:
        inspect.signature(form).bind(*words)
    except (TypeError, ValueError) as error:
        raise InvalidPluginError(
            f"it cannot be called with {', '.join(words)} ({error_line(error)}); give it these arguments"
        ) from error


def _check_numbers(gradient: Gradient, dimension: int) -> None:
    price = attempt("asking its price", lambda: gradient.price(dimension))
    require(
        isinstance(price, int | float) and 0 < price < math.inf,
        f"its price at dimension {dimension} is {quoted(price)}; give calls, a finite number above 0",
    )
    width = attempt("asking its width", lambda: gradient.width(dimension))
    require(
        isinstance(width, int) and not isinstance(width, bool) and width >= 1,
        f"its width at dimension {dimension} is {quoted(width)}; give a whole number of at least 1",
    )


def _check_draws(gradient: Gradient) -> None:
    make, generator = gradient.make_draws, Generator().manual_seed(0)
    drawn = attempt("making its draws", lambda: make(generator, STEPS, 2) if make else None)
    leaves = pytree.tree_leaves(drawn)
    shapes = [tuple(getattr(leaf, "shape", ())) for leaf in leaves]
    require(
        bool(leaves) and all(shape[:1] == (STEPS,) for shape in shapes),
        f"its draws for {STEPS} steps have the shapes {quoted(shapes)}; give tensors [steps, …]",
    )
