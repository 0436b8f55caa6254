"""Losses as plain operations, where torch's own have no right rule for nested `torch.func.vmap`.

With outputs that differ between seeds and settings and targets that do not, torch 2.13 flattens the former alone.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (torch's usual name)
from torch.overrides import TorchFunctionMode

from benchbed.errors import ContractError


def mse_loss(  # parameters have torch's names, for calls with keywords
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Compute the squares of differences."""
    reduction = _reduction(reduction, size_average, reduce)
    squares = _difference(input, target).square()
    if weight is None:
        return _reduced(squares, reduction)
    total = _reduced(squares * weight, "none" if reduction == "none" else "sum")
    return total / weight.sum() if reduction == "mean" else total


def smooth_l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", beta: float = 1.0,
) -> Tensor:  # fmt: skip
    """Compute d² / (2β) for differences |d| < β, and |d| − β/2 for others."""
    distance = _difference(input, target).abs()
    if beta > 0:
        distance = torch.where(distance < beta, 0.5 * distance.square() / beta, distance - 0.5 * beta)
    return _reduced(distance, _reduction(reduction, size_average, reduce))


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Compute d² / 2 for differences |d| ≤ δ, and δ (|d| − δ/2) for others."""
    distance = _difference(input, target).abs()
    losses = torch.where(distance <= delta, 0.5 * distance.square(), delta * (distance - 0.5 * delta))
    return _reduced(losses if weight is None else losses * weight, reduction)


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, smallest: float = 1e-6,
    reduction: str = "mean", **options: float,
) -> Tensor:  # fmt: skip
    """Compute ½ (log v + (x − y)² / v) with variances v of at least torch's `eps`; NaN where torch rejects v < 0."""
    if unknown := options.keys() - {"eps"}:
        raise TypeError(f"gaussian_nll_loss got an unexpected keyword argument {min(unknown)!r}")
    smallest = options.get("eps", smallest)
    variance = var if isinstance(var, Tensor) else torch.full_like(input, var)
    variance = torch.where(variance < 0, torch.nan, variance)
    if variance.shape == input.shape[:-1]:
        variance = variance.unsqueeze(-1)
    # Its derivative is 1, as torch's.
    variance = variance + (variance.clamp(min=smallest) - variance).detach()
    losses = 0.5 * (variance.log() + (input - target).square() / variance)
    return _reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Compute torch's cross-entropy; for its mean with weights and smoothing, torch selects weights by a mask."""
    reduction = _reduction(reduction, size_average, reduce)
    is_mean = reduction == "mean" and bool(label_smoothing) and input.shape != target.shape
    losses: Tensor = F.cross_entropy(
        input, target, weight, ignore_index=ignore_index, label_smoothing=label_smoothing,
        reduction="sum" if is_mean and weight is not None else reduction,
    )  # fmt: skip
    if weight is None or not is_mean:
        return losses
    is_counted = target != ignore_index
    return losses / torch.where(is_counted, weight[torch.where(is_counted, target, 0)], 0).sum()


LOSSES: dict[Callable[..., Tensor], Callable[..., Tensor]] = {
    F.mse_loss: mse_loss,
    F.smooth_l1_loss: smooth_l1_loss,
    F.huber_loss: huber_loss,
    F.gaussian_nll_loss: gaussian_nll_loss,
    F.cross_entropy: cross_entropy,
}
"""The plain form of each of torch's functions."""


class PlainLosses(TorchFunctionMode):
    """A context in which losses are plain operations."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Run one function of torch."""
        function: Callable[..., Any] = LOSSES.get(func, func)
        return function(*args, **(kwargs or {}))


def _difference(outputs: Tensor, targets: Tensor) -> Tensor:
    if outputs.shape != targets.shape:
        raise ContractError(
            f"its loss compares outputs of shape {tuple(outputs.shape)} with targets of shape {tuple(targets.shape)}, "
            "so that torch would compare each output with several targets; give both one shape, such as by "
            "`.squeeze(-1)`"
        )
    return outputs - targets


def _reduction(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def _reduced(losses: Tensor, reduction: str) -> Tensor:
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()
