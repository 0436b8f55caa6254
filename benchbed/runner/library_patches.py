"""Functions of libraries that a plugin has replaced, so that numbers are not those of the library."""

import functools
import json
import math
import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

_MODULES = (
    json, math, random, np, np.linalg, np.random, torch, torch.linalg, torch.special, torch.fft, torch.func,
    torch.autograd, torch.nn.functional,
)  # fmt: skip
_LIBRARIES: dict[str, Any] = {module.__name__: module for module in _MODULES} | {"torch.Tensor": torch.Tensor}
_REPLACED_BY_TORCH = {"torch.manual_seed"}
"""torch replaces it when its compiler is imported."""


@functools.cache
def original_functions() -> dict[str, object]:
    """Return the functions of the libraries, by name, as they are at the first call in this process."""
    return _functions()


def describe_patches(plugins: Iterable[str]) -> str | None:
    """Return a sentence for the functions that differ from `original_functions`; None if there are none.

    `plugins` are the names of the third-party plugins in this process.
    """
    current = _functions()
    names = [name for name, function in original_functions().items() if current.get(name) is not function]
    replaced = sorted(name for name in names if name not in _REPLACED_BY_TORCH)
    if not replaced:
        return None
    shown = ", ".join(replaced[:3]) + (", …" if len(replaced) > 3 else "")
    return (
        f"a plugin ({', '.join(plugins) or 'unknown'}) replaces {shown}, on which the numbers of every optimizer and "
        "problem depend; leave functions of libraries as they are, and call your own function instead"
    )


def _functions() -> dict[str, object]:
    return {
        f"{library_name}.{name}": member
        for library_name, library in _LIBRARIES.items()
        for layer in reversed(getattr(library, "__mro__", [library]))
        for name, member in vars(layer).items()
        if callable(member)
    }
