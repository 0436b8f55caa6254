"""Learning rates of `torch.optim` classes, in all their parameter groups."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchbed.interfaces.optimizer import Hyperparameter, Optimizer, Oracle


def at_rate(optimizer: Optimizer[Any], factor: Hyperparameter) -> Optimizer[Any]:
    """Return the optimizer with the learning rates of all parameter groups times a factor."""

    def update(oracle: Oracle, state: Any, theta: Tensor) -> tuple[Tensor, Any]:
        groups = {
            id(group): group
            for member in nested_optimizers(state.optimizers)
            for group in getattr(member, "param_groups", ())
            if "lr" in group
        }
        rates = {key: group["lr"] for key, group in groups.items()}
        changed = {key: rate * float(factor) for key, rate in rates.items()}
        for key, group in groups.items():
            group["lr"] = changed[key]
        try:
            return optimizer.update(oracle, state, theta)
        finally:
            for key, group in groups.items():
                if group["lr"] is changed[key]:  # the class has not set another
                    group["lr"] = rates[key]

    return optimizer._replace(update=update, at_rate=lambda further: at_rate(optimizer, factor * further))


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
