"""A line search for the strong Wolfe conditions, of a bounded number of trials."""

from typing import NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, Oracle

SUFFICIENT_DECREASE = 1e-4
"""The constant c₁ of the first condition, Nocedal and Wright's."""
MARGIN = 0.1
"""Share of a bracket, at either end, in which no trial is placed."""
SHORTEST_EXTENSION, LONGEST_EXTENSION = 1.1, 10.0
"""Bounds of the factor between two trials before there is a bracket."""


class LinePoint(NamedTuple):
    """A point of the line θ + length · direction, all `[..., 1]`; the loss is φ, and the slope its derivative φ'."""

    length: Tensor
    loss: Tensor
    slope: Tensor


class LineSearch(NamedTuple):
    """The result of a search."""

    length: Tensor
    """The accepted length: `[..., 1]`; 0 if no trial decreased the loss enough."""
    gradient: Tensor
    """The gradient at this length: `[..., dimension]`."""
    next_length: Tensor
    """The length of the trial that would follow, with which a search that failed may begin again: `[..., 1]`."""


def wolfe_search(
    oracle: Oracle, theta: Tensor, direction: Tensor, curvature: Hyperparameter, trials: int
) -> LineSearch:
    """Search along `direction: [..., dimension]` for a length α with the strong Wolfe conditions.

    With φ(α) = f(θ + α d) they are φ(α) ≤ φ(0) + c₁ α φ'(0) and |φ'(α)| ≤ c₂ |φ'(0)|, with c₂ = `curvature`. The
    first trial is α = 1. `low` is the best length so far, and a minimum lies between it and `high`, which is infinite
    until there is a bracket. Each lane stops when it finds such an α; after all `trials` the result is `low`, which
    meets the first condition alone. A direction along which the loss does not fall is not searched.

    Source: Nocedal & Wright (2006), Numerical Optimization, algorithms 3.5 and 3.6 and equation 3.59,
    https://doi.org/10.1007/978-0-387-40065-5. Deviations: trials are bounded, and a trial whose loss is not finite is
    too long.
    """
    gradient, length = oracle.gradient, torch.ones_like(theta[..., :1])
    start = LinePoint(torch.zeros_like(length), oracle.loss.unsqueeze(-1), _dot(gradient, direction))
    low = previous = start
    high = LinePoint(torch.full_like(length, torch.inf), start.loss, start.slope)
    is_searching = start.slope < 0
    for _ in range(trials):
        loss, trial_gradient = oracle.at(theta + length * direction, where=is_searching.squeeze(-1))
        trial = LinePoint(length, loss.unsqueeze(-1), _dot(trial_gradient, direction))
        sufficient = start.loss + SUFFICIENT_DECREASE * length * start.slope
        is_finite = trial.loss.isfinite() & trial.slope.isfinite()
        is_better = is_searching & is_finite & (trial.loss <= sufficient) & (trial.loss < low.loss)
        has_passed = is_better & (trial.slope * (high.length - low.length) >= 0)  # the minimum lies behind
        high = _where(is_searching & ~is_better, trial, _where(has_passed, low, high))
        previous, low = _where(is_better, low, previous), _where(is_better, trial, low)
        gradient = torch.where(is_better, trial_gradient, gradient)
        is_searching = is_searching & ~(is_better & (trial.slope.abs() <= curvature * start.slope.abs()))
        length = torch.where(is_searching, _next_length(low, previous, high), length)
    return LineSearch(low.length, gradient, length)


def _next_length(low: LinePoint, previous: LinePoint, high: LinePoint) -> Tensor:
    """Return the minimizer of the cubic through both ends of the bracket, or through the last two better points."""
    between = (cubic_minimizer(low, high) - low.length) / (high.length - low.length)
    between = torch.where(between.isfinite(), between, 0.5).clamp(MARGIN, 1 - MARGIN)
    beyond = cubic_minimizer(previous, low) / low.length
    beyond = torch.where(beyond.isfinite(), beyond, LONGEST_EXTENSION)
    beyond = beyond.clamp(SHORTEST_EXTENSION, LONGEST_EXTENSION)
    is_bracket = high.length.isfinite()
    width = torch.where(is_bracket, high.length - low.length, 0.0)
    return torch.where(is_bracket, low.length + between * width, beyond * low.length)


def cubic_minimizer(first: LinePoint, second: LinePoint) -> Tensor:
    """Return the minimizer of the cubic with both losses and slopes, NaN if it has none: `[..., 1]`."""
    width = second.length - first.length
    d1 = first.slope + second.slope - 3 * (first.loss - second.loss) / -width
    d2 = width.sign() * (d1.square() - first.slope * second.slope).sqrt()
    return second.length - width * (second.slope + d2 - d1) / (second.slope - first.slope + 2 * d2)


def _where(condition: Tensor, first: LinePoint, second: LinePoint) -> LinePoint:
    return LinePoint(*(torch.where(condition, a, b) for a, b in zip(first, second, strict=True)))


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1, keepdim=True)
