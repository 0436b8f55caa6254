"""Comparison of the trials of a batch with copies of each of them, and of arguments before and after a call."""

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from benchbed.catalog.names import error_line
from benchbed.engine.oracle import join_lane_data, split_lane_data
from benchbed.engine.pytrees import Tree, leaves, map_tensors
from benchbed.engine.sampling import Draws
from benchbed.engine.tile import Tile
from benchbed.errors import ContractError

ROUNDINGS = 16
"""Last digits, and multiples of the difference between equal trials, that count as rounding between batches of equal
shape. Their sums have the same order, unless a kernel depends on the position in memory; so do its equal trials."""
COARSE_PRECISION = 1e-2
"""Relative difference that counts as rounding between a trial in a batch and alone, whose sums may have another order.
A sum over equal trials would differ by their number."""
DIGITS = (4, -4, 16, -16, 64, -64)
"""Multiples of the last digit of theta after which a rule may decide otherwise."""
AMPLIFIED = 0.1
"""Share of the difference between a trial in a batch and alone that such digits make at least if none are mixed."""
LARGE = 20_000
"""Numbers of one trial above which losses and gradients of a single trial are compared, alone: each takes long."""
SAMPLES = 500
"""Samples of a large data set over which objectives are compared."""
ADVICE = (
    "reduce over the last dimension alone, such as `.norm(dim=-1, keepdim=True)` or `.sum(dim=-1)`, and choose by "
    "`torch.where` instead of `if`"
)


class Trials(NamedTuple):
    """The arguments of one step of some trials; tensors begin with `[seeds, settings]` or `[seeds, 1]`."""

    theta: Tensor
    loss: Tensor
    gradient: Tensor
    state: Tree
    draws: Draws
    data: Tree
    hyperparameters: dict[str, Tensor]  # [settings, 1]
    factor: Tensor  # of the loss

    def copies(self, seed: int, setting: int, count: int, shared: bool) -> "Trials":
        """Return a batch of `count` × `count` copies of one trial; `shared` data have no leading dimensions."""

        def copy(leaf: Tensor) -> Tensor:
            settings = min(count, leaf.shape[1])
            column = min(setting, leaf.shape[1] - 1)
            trial = leaf[seed : seed + 1, column : column + 1]
            return trial.expand(count, settings, *leaf.shape[2:]).clone()

        hyperparameters = {
            name: values[setting : setting + 1].expand(count, 1).clone()
            for name, values in self.hyperparameters.items()
        }
        lane_data = split_lane_data(self.data, shared)
        copied: Trials = map_tensors(copy, self._replace(data=lane_data, hyperparameters={}))
        data = join_lane_data(self.data, copied.data, shared)
        return copied._replace(data=data, hyperparameters=hyperparameters)


class TrialComparison:
    """Comparison of the trials of a batch with copies of each of them in a batch of equal shape, and alone."""

    def __init__(self, tile: Tile) -> None:
        self._batch = tile.batch
        self._shared, self._opaque = tile.instances.shared, tile.rule.opaque
        self._count = len(tile.instances.seeds)
        self._precision = ROUNDINGS * torch.finfo(tile.instances.dtype).eps
        numbers = max([tile.batch.problem.workspace, *(leaf.numel() for leaf in leaves(tile.instances.data))])
        self._is_large = numbers > LARGE

    def subject(self, kind: str, name: str) -> str:
        """Return the name of a function with that of its plugin."""
        return f"{name} of {self._batch.label_of(kind)}"

    def first_samples(self, data: Tree) -> Tree | None:
        """Return a copy of the data with the first `SAMPLES` samples of the longest tensors; None for a small problem.

        The first dimension of a tensor of one instance is taken as that of its samples.
        """
        dimension = 0 if self._shared else 2
        tensors = [leaf for leaf in leaves(data) if leaf.dim() > dimension]
        length = max((leaf.shape[dimension] for leaf in tensors), default=0)
        if not self._is_large or length < 2 * SAMPLES:
            return None

        def shorten(leaf: Tensor) -> Tensor:
            is_long = leaf.dim() > dimension and leaf.shape[dimension] == length
            return (leaf.narrow(dimension, 0, SAMPLES) if is_long else leaf).clone()

        return map_tensors(shorten, data)

    def __call__(self, kind: str, name: str, call: Callable[[Trials], Tree], trials: Trials) -> Tree:
        """Return the values of `call`. Raises: ContractError if they are not those of the contract."""
        lanes = list(itertools.product(range(self._count), repeat=2))
        subject = self.subject(kind, name)
        is_rule = kind == "optimizer"
        try:
            with unwritten(subject, *trials[: 3 if self._opaque else None]):
                values = call(trials)
        except ContractError:
            raise
        except Exception as error:
            if self._opaque or self._count == 1:
                raise
            for seed, setting in lanes:
                call(trials.copies(seed, setting, 1, self._shared))  # raises if the trial is to blame
            raise ContractError(
                f"{subject} raises {error_line(error)} for a batch of trials, but not for each alone; {ADVICE}"
            ) from error
        if not is_rule:
            _require_values(subject, values, trials.theta)
        if self._opaque:
            return values
        batches = [(self._count, self._precision), (1, COARSE_PRECISION)]
        if self._is_large and not is_rule:
            lanes, batches = lanes[-1:], batches[-1:]
        for seed, setting in lanes:
            expected = _lane(values, seed, setting)
            for count, precision in batches:
                copies = trials.copies(seed, setting, count, self._shared)
                others = leaves(call(copies))
                if not _agree(others, expected, trials.theta[seed, setting] if is_rule else None, precision):
                    again = [leaf[None, None] for leaf in _lane(call(trials), seed, setting)]
                    if not _agree(again, expected, None, 0.0):
                        return values  # it differs from call to call, which other checks report
                    # A line search compares numbers, and may decide otherwise after rounding.
                    alone = [leaf[0, 0] for leaf in others]
                    if is_rule and _amplifies_rounding(call, copies, alone, expected):
                        return values
                    raise ContractError(
                        f"{subject} mixes trials: its values for one depend on the others of its batch; {ADVICE}"
                    )
        return values


def _amplifies_rounding(
    call: Callable[[Trials], Tree], copies: Trials, alone: list[Tensor], beside_others: list[Tensor]
) -> bool:
    """Return whether other last digits of theta and loss change a trial nearly as much as the others of its batch do.

    `alone` are the values of each of its copies, and `beside_others` those in the batch.
    """
    theta, digit = copies.theta[0, 0], torch.finfo(copies.theta.dtype).eps
    difference = _distances(alone, beside_others, (theta, theta))
    signs = 1 - 2 * (torch.arange(len(theta), device=theta.device) % 2)
    changes = []
    for digits in DIGITS:
        nearby = copies._replace(
            theta=copies.theta * (1 + digits * digit * signs), loss=copies.loss * (1 + digits * digit)
        )
        changes.append(_distances(_lane(call(nearby), 0, 0), alone, (nearby.theta[0, 0], theta)))
    largest = [max(of_leaf) for of_leaf in zip(*changes, strict=True)]
    return all(change >= AMPLIFIED * left for change, left in zip(largest, difference, strict=True))


def _distances(left: list[Tensor], right: list[Tensor], origins: tuple[Tensor, Tensor]) -> list[float]:
    """Return the largest difference of each leaf, of the first and the last as distances from their theta."""
    return [
        _distance(one - origins[0], other - origins[1])
        if position in (0, len(left) - 1)
        else _distance(one, other)
        for position, (one, other) in enumerate(zip(left, right, strict=True))
    ]


def _distance(left: Tensor, right: Tensor) -> float:
    """Return the largest difference; infinity where integers, or the places of what is not finite, differ."""
    if not left.is_floating_point():
        return 0.0 if torch.equal(left, right) else math.inf
    if not torch.equal(left.isfinite(), right.isfinite()):
        return math.inf
    return float((left.double() - right.double()).nan_to_num(0, 0, 0).abs().max()) if left.numel() else 0.0


def _lane(tree: Tree, seed: int, setting: int) -> list[Tensor]:
    return [leaf[seed, setting] for leaf in leaves(tree)]


def _agree(copies: list[Tensor], expected: list[Tensor], theta: Tensor | None, precision: float) -> bool:
    """Return whether values of copies, `[count, count, …]`, are those of the trial, up to rounding.

    The first and the last are compared by their distance from `theta`, which a small step would not change much.
    """
    for position, (leaf, right) in enumerate(zip(copies, expected, strict=True)):
        first, origin, floor = leaf[0, 0], right.new_zeros(()), 0.0
        if leaf.is_floating_point() and leaf.numel() and not torch.equal(leaf, first.expand_as(leaf)):
            floor = ROUNDINGS * float((leaf - first).nan_to_num(0, 0, 0).abs().max())
        if theta is not None and position in (0, len(copies) - 1):
            origin = theta
            floor += 4 * torch.finfo(theta.dtype).eps * float(theta.nan_to_num(0, 0, 0).abs().max())
        pair = (first - origin, right - origin) if leaf.is_floating_point() else (first, right)
        if not is_close(*pair, precision, floor):
            return False
    return True


def is_close(left: Tensor, right: Tensor, precision: float, floor: float = 0.0) -> bool:
    """Return whether tensors are equal up to `floor` and a share of their largest finite number."""
    if not left.is_floating_point():
        return torch.equal(left, right)
    left, right = left.double(), right.double()
    if not torch.equal(left.isfinite(), right.isfinite()):
        return False
    left, right = (tensor.nan_to_num(0, 0, 0) for tensor in (left, right))
    largest = float(right.abs().max()) if right.numel() else 0.0
    return bool(((left - right).abs() <= floor + precision * largest).all())


def _require_values(subject: str, values: Tree, theta: Tensor) -> None:
    """Check the shape and dtype of losses `[seeds, settings]`, and of gradients, which are those of theta."""
    for value, shape in zip(leaves(values), (theta.shape[:2], theta.shape), strict=False):
        if value.shape != shape:
            raise ContractError(
                f"{subject} returns the shape {tuple(value.shape)} for theta {tuple(theta.shape)} and must return "
                f"{tuple(shape)}, so that each trial has its own value; {ADVICE}"
            )
        if value.dtype != theta.dtype:
            raise ContractError(
                f"{subject} returns {value.dtype} for theta in {theta.dtype}; return real numbers in its dtype, with "
                "constants such as `theta.new_tensor(…)`"
            )


@contextmanager
def unwritten(subject: str, *arguments: Tree) -> Iterator[None]:
    """Check that a function of a plugin does not write to tensors; `_version` also counts writes of equal numbers."""
    tensors = leaves(arguments)
    before = [(tensor._version, tensor.clone()) for tensor in tensors]
    yield
    for tensor, (version, copy) in zip(tensors, before, strict=True):
        # The first is fast, the other counts NaN.
        is_equal = torch.equal(tensor, copy) or is_close(tensor, copy, 0.0)
        if tensor._version != version or not is_equal:
            raise ContractError(
                f"{subject} writes to its arguments, which the engine still needs; return new tensors, such as "
                "`theta = theta - step` instead of `theta.sub_(step)` or `theta -= step`"
            )
