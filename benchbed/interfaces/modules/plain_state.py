"""Attributes in which a network carries values to its next pass, which trials and measurements would not share."""

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

OF_TORCH = vars(nn.Module()).keys()
"""Attributes of every module, such as its parameters, buffers and hooks."""


def carried_attributes(network: nn.Module, inputs: Sequence[Tensor]) -> set[str]:
    """Return the attributes whose values passes change, in `train()` or `eval()` mode, and read before they set them.

    Those that a pass sets before it reads them, such as the attention of the last batch, carry nothing. Neither do
    constants that the first pass computes, such as a mask: they do not depend on inputs, parameters or earlier passes.
    """
    others = [x[:1].expand_as(x) * (0.5 if x.is_floating_point() else 1) for x in inputs]
    moved = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.mul_(0.5).add_(0.1)
    changed: dict[str, set[str]] = {}
    for is_training in (True, False):
        once, twice = (copy.deepcopy(network).train(is_training) for _ in range(2))
        elsewhere = copy.deepcopy(moved).train(is_training)
        for trial, batch in ((once, inputs), (twice, inputs), (twice, others), (elsewhere, others)):
            trial(*batch)
        for path, module in network.named_modules():
            start, first, second, third = (
                vars(each)
                for each in (module, *(trial.get_submodule(path) for trial in (once, twice, elsewhere)))
            )
            is_written = _differing(start, first) | _differing(start, second)
            differs = _differing(first, second) | _differing(first, third)
            changed[path] = changed.get(path, set()) | (is_written & differs)
    carried: set[str] = set()
    for is_training in (True, False) if any(changed.values()) else ():
        trial = copy.deepcopy(network).train(is_training)
        for path, names in changed.items():
            _watch(trial.get_submodule(path), names, carried)
        trial(*inputs)
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
