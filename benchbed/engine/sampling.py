"""Draw what the steps of a tile see, in blocks with generators of their own (protocol, rule 2)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from benchbed.engine.pytrees import Tree, leaves, map_tensors
from benchbed.seeds import DRAW_BLOCK, InstanceSeed


class Draws(NamedTuple):
    """What a step draws, or several steps; a part in which nothing is random is None."""

    loss: Tree = None
    """The problem's: a mini-batch, or noise."""
    gradient: Tree = None
    """The gradient's: a direction."""


Make = Callable[[InstanceSeed, int], Tree]
"""An instance's seed and the number of a block -> its draws, `[steps, …]` on the CPU."""


class Blocks:
    """The draws of some seeds, a block of steps at a time; a step's are `[seeds, 1, …]`.

    A generator gives other numbers when it is asked in other portions: whole blocks make a step's draws the same
    whoever asks for them.
    """

    def __init__(self, make: Make, seeds: Sequence[InstanceSeed], place: Callable[[Tensor], Tensor]) -> None:
        self._make, self._seeds, self._place = make, tuple(seeds), place
        self._block = -1
        self._draws: Tree = None

    def at(self, step: int) -> Tree:
        """Give what `step` (from 0) sees, `[seeds, 1, …]`, or None where nothing is drawn."""
        offset = self._load(step)
        return map_tensors(lambda draws: draws[offset], self._draws)

    def between(self, start: int, stop: int) -> Tree:
        """Give what the steps from `start` until before `stop` see, `[steps, seeds, 1, …]`; all within one block."""
        offset = self._load(start)
        return map_tensors(lambda draws: draws[offset : offset + stop - start], self._draws)

    def select(self, kept: Sequence[int]) -> "Blocks":
        """Keep the seeds at these positions."""
        chosen = Blocks(self._make, [self._seeds[position] for position in kept], self._place)
        chosen._block = self._block
        chosen._draws = map_tensors(
            lambda draws: draws[:, torch.as_tensor(kept, device=draws.device)], self._draws
        )
        return chosen

    def _load(self, step: int) -> int:
        """Make the block of `step`, unless it is there, and give the place of `step` in it."""
        block, offset = divmod(step, DRAW_BLOCK)
        if block != self._block:
            self._block, self._draws = -1, None  # gone before there are others
            self._draws = map_tensors(self._place, self._drawn(block))
            self._block = block
        return offset

    def _drawn(self, block: int) -> Tree:
        """Draw a block seed by seed into one tensor, `[steps, seeds, 1, …]`: never are there two of all."""
        first = self._make(self._seeds[0], block)
        whole = map_tensors(
            lambda one: one.new_empty(one.shape[0], len(self._seeds), 1, *one.shape[1:]), first
        )
        for place, seed in enumerate(self._seeds):
            one = self._make(seed, block) if place else first
            for into, made in zip(leaves(whole), leaves(one), strict=True):
                _fill(into[:, place, 0], made)
        return whole


def _fill(into: Tensor, made: Tensor) -> None:
    if into.shape != made.shape:  # which copying would stretch without a word
        raise ValueError(
            f"make_draws gives {tuple(made.shape)} for one seed and {tuple(into.shape)} for another; give one shape"
        )
    into.copy_(made)
