"""The built-in gradients, one file each: reverse mode, forward mode, finite differences."""

from collections.abc import Callable

from benchbed.gradients.finite_difference import finite_difference
from benchbed.gradients.forward import forward, forward_random
from benchbed.gradients.reverse import reverse
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Gradient

__all__ = ["finite_difference", "forward", "forward_random", "reverse"]


@hookimpl
def register_gradients(register: Callable[[Gradient], None]) -> None:
    """Register the built-in gradients, the default first."""
    for gradient in (reverse, forward, forward_random, finite_difference):
        register(gradient)
