"""Learning rates of `torch.optim` classes, in all their parameter groups."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchbed.interfaces.optimizer import Hyperparameter, Optimizer, Oracle


def at_rate(optimizer: Optimizer[Any], factor: Hyperparameter) -> Optimizer[Any]:
    """Return the optimizer with the learning rates of all parameter groups times a factor, as `TorchState` keeps it."""

    def update(oracle: Oracle, state: Any, theta: Tensor) -> tuple[Tensor, Any]:
        before, state.rate_factor = state.rate_factor, float(factor)
        try:
            return optimizer.update(oracle, state, theta)
        finally:
            state.rate_factor = before

    return optimizer._replace(update=update, at_rate=lambda further: at_rate(optimizer, factor * further))


@contextlib.contextmanager
def scaled_rates(optimizers: tuple[torch.optim.Optimizer, ...], factor: float) -> Iterator[None]:
    """Multiply the learning rates of all parameter groups by a factor within the block.

    Schedulers step outside of it: many compute a rate from the one before, which would contain the factor.
    """
    groups = {
        id(group): group
        for member in (nested_optimizers(optimizers) if factor != 1 else ())
        for group in getattr(member, "param_groups", ())
        if "lr" in group
    }
    rates = {key: group["lr"] for key, group in groups.items()}
    changed = {key: rate * factor for key, rate in rates.items()}
    for key, group in groups.items():
        group["lr"] = changed[key]
    try:
        yield
    finally:
        for key, group in groups.items():
            if group["lr"] is changed[key]:  # the class has not set another
                group["lr"] = rates[key]


def nested_optimizers(optimizers: tuple[torch.optim.Optimizer, ...]) -> Iterator[torch.optim.Optimizer]:
    """Yield the optimizers and those that they wrap, such as the base of SAM, each once."""
    pending, seen = list(optimizers), set[int]()
    while pending:
        optimizer = pending.pop()
        if id(optimizer) not in seen:
            seen.add(id(optimizer))
            yield optimizer
            pending += [
                value for value in vars(optimizer).values() if isinstance(value, torch.optim.Optimizer)
            ]
