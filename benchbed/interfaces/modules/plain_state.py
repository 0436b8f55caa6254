"""Attributes in which a network carries values to its next pass, which trials and measurements would not share."""

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

OF_TORCH = vars(nn.Module()).keys()
"""Attributes of every module, such as its parameters, buffers and hooks."""


MODES = True, False
"""`train()` and `eval()`."""
Attributes = set[tuple[str, str]]
"""Plain attributes, each with the path of its module."""


def changed_attributes(network: nn.Module, inputs: Sequence[Tensor]) -> Attributes:
    """Return the attributes whose values passes change, in `train()` or `eval()` mode."""
    return set().union(*(_differing(network, _after(network, mode, inputs, inputs)) for mode in MODES))


def carried_attributes(network: nn.Module, inputs: Sequence[Tensor], changed: Attributes) -> set[str]:
    """Return those of the changed attributes that a pass reads before it sets them.

    Those that a pass sets before it reads them, such as the attention of the last batch, carry nothing. Neither do
    constants that the first pass computes, such as a mask: they do not depend on inputs, parameters or earlier passes.
    """
    if changed:
        changed = changed & set().union(*(_varying(network, mode, inputs) for mode in MODES))
    carried: set[str] = set()
    for mode in MODES if changed else ():
        trial = copy.deepcopy(network).train(mode)
        for path, module in [*trial.named_modules()]:
            _watch(module, {name for owner, name in changed if owner == path}, carried)
        trial(*inputs)
    return carried


def _after(network: nn.Module, mode: bool, *batches: Sequence[Tensor]) -> nn.Module:
    """Return a copy of a network after a pass on each batch in a mode."""
    trial = copy.deepcopy(network).train(mode)
    for inputs in batches:
        trial(*inputs)
    return trial


def _varying(network: nn.Module, mode: bool, inputs: Sequence[Tensor]) -> Attributes:
    """Return the attributes that have another value after a second pass, or a pass on other inputs and parameters."""
    others = [
        x[:1].expand_as(x) * 0.5 if x.is_floating_point() else x[:1].repeat_interleave(len(x), 0)
        for x in inputs
    ]
    moved = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.mul_(0.5).add_(0.1)
    once = _after(network, mode, inputs)
    return _differing(once, _after(network, mode, inputs, others)) | _differing(
        once, _after(moved, mode, others)
    )


def _differing(first: nn.Module, second: nn.Module) -> Attributes:
    """Return the attributes that differ between two copies of a network."""
    differing = set()
    for path, module in first.named_modules():
        before, after = vars(module), vars(second.get_submodule(path))
        differing |= {
            (path, name)
            for name in (before.keys() | after.keys()) - OF_TORCH
            if not _equal(before.get(name), after.get(name), frozenset())
        }
    return differing


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
