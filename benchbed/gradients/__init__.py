"""Offer the built-in ways to differentiate a loss, one file each, through the same door as a stranger's."""

from collections.abc import Callable

from benchbed.gradients.finite_difference import finite_difference
from benchbed.gradients.forward import forward, forward_random
from benchbed.gradients.reverse import reverse
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Gradient

__all__ = ["finite_difference", "forward", "forward_random", "reverse"]


@hookimpl
def register_gradients(register: Callable[[Gradient], None]) -> None:
    """Enter the built-in gradients, the usual one first."""
    for gradient in (reverse, forward, forward_random, finite_difference):
        register(gradient)
