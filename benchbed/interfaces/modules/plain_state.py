"""Attributes in which a network carries values to its next pass, which trials and measurements would not share."""

import copy
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

OF_TORCH = vars(nn.Module()).keys()
"""Attributes of every module, such as its parameters, buffers and hooks."""


def carried_attributes(network: nn.Module, run: Callable[[nn.Module], object]) -> set[str]:
    """Return the attributes that a pass changes, in `train()` or `eval()` mode, and that a pass reads before that.

    Those that a pass sets before it reads them, such as the attention of the last batch, carry nothing.
    """
    trial = copy.deepcopy(network)
    for is_training in (True, False):
        run(trial.train(is_training))
    changed = {
        path: names
        for path, module in network.named_modules()
        if (names := _differing(vars(module), vars(trial.get_submodule(path))))
    }
    carried: set[str] = set()
    for is_training in (True, False) if changed else ():
        trial = copy.deepcopy(network).train(is_training)
        for path, names in changed.items():
            _watch(trial.get_submodule(path), names, carried)
        run(trial)
    return carried


def _differing(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    names = (before.keys() | after.keys()) - OF_TORCH
    return {name for name in names if not _equal(before.get(name), after.get(name), frozenset())}


def _equal(first: object, second: object, within: frozenset[int]) -> bool:
    """Return whether two values contain the same numbers; modules in them have passes of their own."""
    if first is second or id(first) in within or isinstance(first, nn.Module):
        return True
    if type(first) is not type(second):
        return False
    within |= {id(first)}
    if hasattr(first, "__dict__") and not callable(first) and not isinstance(first, Tensor):
        first, second = vars(first), vars(second)
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(_equal(first[key], second[key], within) for key in first)
    if isinstance(first, Sequence) and isinstance(second, Sequence) and not isinstance(first, str | bytes):
        return len(first) == len(second) and all(map(_equal, first, second, [within] * len(first)))
    # Objects without values, such as a lock, and functions are equal to their copies.
    return callable(first) or type(first).__eq__ is object.__eq__ or np.array_equal(first, second)  # type: ignore[arg-type]  # any values


def _watch(module: nn.Module, names: set[str], carried: set[str]) -> None:
    """Let a module add those of the names to `carried` that are read before they are set."""
    unset, kind = set(names), type(module)

    class Watched(kind):  # type: ignore[valid-type, misc]  # the class is known at run time only
        def __getattribute__(self, name: str) -> object:
            if name in unset:
                carried.add(name)
            return super().__getattribute__(name)

        def __setattr__(self, name: str, value: object) -> None:
            unset.discard(name)
            super().__setattr__(name, value)

    module.__class__ = Watched
