"""The rules that wrappers which change gradients reject."""

from typing import Any

from benchbed.interfaces import Optimizer


def require_changeable_gradients(optimizer: Optimizer[Any]) -> None:
    """Check that a wrapper may change the gradients of an optimizer. Raises: ValueError."""
    if optimizer.needs_exact_gradients:
        raise ValueError(
            "it changes gradients, from which its optimizer computes the lengths of its steps; wrap a rule whose "
            "lengths come from the learning rate, such as adam"
        )
