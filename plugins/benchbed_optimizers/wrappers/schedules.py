"""Learning-rate schedules over the share of the budget that is spent."""

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from benchbed.interfaces import Choice, Hyperparameter, LogUniform, Optimizer, Oracle, Uniform

Share = Annotated[Hyperparameter, Uniform(0.0, 0.9)]
"""A share of the budget."""
Final = Annotated[Hyperparameter, LogUniform(1e-4, 1.0)]
"""The last rate as a share of the highest."""

Schedule = Literal["constant", "linear", "cosine", "wsd", "inverse-sqrt"]

SHORTEST = 1e-9
"""Bound of the shares by which a schedule divides."""


def constant(optimizer: Optimizer[Any], budget: int, warmup: Share = 0.05) -> Optimizer[Any]:
    """Keep the learning rate after a linear warm-up over the share `warmup` of the budget.

    Source of the warm-up: Goyal et al. (2017), Accurate, Large Minibatch SGD, section 2.2, arXiv:1706.02677.
    """
    return _scheduled(optimizer, budget, warmup, torch.ones_like)


def linear(optimizer: Optimizer[Any], budget: int, warmup: Share = 0.0, final: Final = 0.0) -> Optimizer[Any]:
    """Decrease the learning rate linearly to the share `final`, after a linear warm-up.

    Source: Defazio et al. (2023), Optimal Linear Decay Learning Rate Schedules and Further Refinements,
    arXiv:2310.07831.
    """
    return _scheduled(optimizer, budget, warmup, lambda share: final + (1 - final) * (1 - share))


def cosine(optimizer: Optimizer[Any], budget: int, warmup: Share = 0.0, final: Final = 0.0) -> Optimizer[Any]:
    """Decrease the learning rate by half a cosine to the share `final`, after a linear warm-up.

    Source: Loshchilov & Hutter (2017), SGDR: Stochastic Gradient Descent with Warm Restarts, equation 5 without
    restarts, arXiv:1608.03983.
    """

    def shape(share: Tensor) -> Tensor:
        return final + (1 - final) * 0.5 * (1 + torch.cos(math.pi * share))

    return _scheduled(optimizer, budget, warmup, shape)


def wsd(
    optimizer: Optimizer[Any], budget: int, warmup: Share = 0.0, final: Final = 0.0, cooldown: Share = 0.2
) -> Optimizer[Any]:
    """Keep the learning rate after a warm-up, and decrease it linearly over the last share `cooldown` of the rest.

    Source: Hägele et al. (2024), Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations,
    with its linear form and its share of 20 %, arXiv:2405.18392.
    """
    require_share("cooldown", cooldown)

    def shape(share: Tensor) -> Tensor:
        length = (cooldown + torch.zeros_like(share)).clamp(min=SHORTEST)
        remaining = ((1 - share) / length).clamp(0.0, 1.0)
        return final + (1 - final) * remaining

    return _scheduled(optimizer, budget, warmup, shape)


def inverse_sqrt(
    optimizer: Optimizer[Any], budget: int, warmup: Annotated[Hyperparameter, Uniform(0.01, 0.9)] = 0.05
) -> Optimizer[Any]:
    """Decrease the learning rate as 1 / √t after a linear warm-up, where it is the highest.

    Source: Vaswani et al. (2017), Attention Is All You Need, equation 3, arXiv:1706.03762; here the highest rate is
    the learning rate.
    """
    if isinstance(warmup, int | float) and warmup == 0:
        raise ValueError("warmup is 0, so that the rate would be 0 in all steps; it must be above 0")

    def shape(share: Tensor) -> Tensor:
        first = warmup + torch.zeros_like(share)
        return (first / (first + (1 - first) * share).clamp(min=SHORTEST)).sqrt()

    return _scheduled(optimizer, budget, warmup, shape)


def scheduled(
    optimizer: Optimizer[Any],
    budget: int,
    schedule: Annotated[Schedule, Choice(("constant", "linear", "cosine", "wsd"))] = "constant",
    warmup: Share = 0.05,
    final: Final = 0.0,
) -> Optimizer[Any]:
    """Change the learning rate by the schedule of this name, which the track `searched` chooses.

    The same as the wrapper `schedule` itself; `final` has no effect with `constant` and `inverse-sqrt`. By default a
    search tries `constant`, `linear`, `cosine` and `wsd`.
    Source: that of each schedule.
    """
    if schedule == "constant":
        return constant(optimizer, budget, warmup)
    if schedule == "inverse-sqrt":
        return inverse_sqrt(optimizer, budget, warmup)
    decreasing = {"linear": linear, "cosine": cosine, "wsd": wsd}[schedule]
    return decreasing(optimizer, budget, warmup, final)


def require_share(name: str, value: Hyperparameter) -> None:
    """Check a number, as it is when a study is planned. Raises: ValueError unless it is at least 0 and below 1."""
    if isinstance(value, int | float) and not 0 <= value < 1:
        raise ValueError(f"{name} is {value:g}; it must be at least 0 and below 1")


def _scheduled(
    optimizer: Optimizer[Any], budget: int, warmup: Hyperparameter, shape: Callable[[Tensor], Tensor]
) -> Optimizer[Any]:
    """Multiply the learning rate by a function of the share of the budget after the warm-up.

    The first step of a warm-up over n steps has 1/n of the rate, and the last one all of it.
    """
    require_share("warmup", warmup)
    at_rate = optimizer.at_rate
    if at_rate is None:
        raise ValueError("a schedule needs an optimizer with a learning_rate; choose another")

    def update(oracle: Oracle, state: Any, theta: Tensor) -> tuple[Tensor, Any]:
        progress = oracle.progress
        length = warmup + torch.zeros_like(progress)
        ramp = ((progress + 1 / budget) / length.clamp(min=1 / budget)).clamp(max=1.0)
        share = ((progress - length) / (1 - length)).clamp(0.0, 1.0)
        return at_rate(ramp * shape(share)).update(oracle, state, theta)

    return optimizer._replace(update=update)
