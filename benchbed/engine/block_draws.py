"""Draws of the steps of some seeds, made for a block of steps at a time."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from benchbed.engine.pytrees import Tree, TreeTemplate, leaves, map_tensors
from benchbed.seeds import DRAW_BLOCK, InstanceSeed

DrawBlock = Callable[[InstanceSeed, int], Tree]
"""An instance's seed and the number of a block -> its draws, `[steps, …]` on the CPU."""


class BlockDraws:
    """The draws of some seeds, made for a block of steps at a time; those of a step are `[seeds, 1, …]`.

    The numbers of a generator depend on the sizes in which they are drawn. Whole blocks make the draws of a step
    independent of the steps that are asked for.
    """

    def __init__(
        self,
        draw_block: DrawBlock,
        seeds: Sequence[InstanceSeed],
        transfer: Callable[[Tensor], Tensor],
        length: int = DRAW_BLOCK,
    ) -> None:
        """`transfer` moves a tensor to the run's device and dtype; a block has `length` steps."""
        self._draw_block, self._seeds, self._transfer = draw_block, tuple(seeds), transfer
        self._length = length
        self._block = -1
        self._draws: Tree = None
        self._of_trial: tuple[TreeTemplate, list[tuple[Tensor, ...]]] | None = None
        """The tensors of each step of the loaded block, if they were asked for."""

    def at(self, step: int) -> Tree:
        """Return the draws of `step` (from 0), `[seeds, 1, …]`, or None if nothing is drawn."""
        offset = self._load(step)
        return map_tensors(lambda draws: draws[offset], self._draws)

    def of_trial(self, step: int) -> Tree:
        """Return the draws of `step` (from 0) of a single seed, `[…]`."""
        offset = self._load(step)
        if self._draws is None:
            return None
        if self._of_trial is None:  # all steps at once, which takes a tenth of the time
            of_steps = [leaf[:, 0, 0].unbind() for leaf in leaves(self._draws)]
            self._of_trial = TreeTemplate(self._draws), list(zip(*of_steps, strict=True))
        template, tensors = self._of_trial
        return template.fill(tensors[offset])

    def between(self, start: int, stop: int) -> Tree:
        """Return the draws of the steps `start`, …, `stop - 1`, all of one block: `[steps, seeds, 1, …]`."""
        offset = self._load(start)
        return map_tensors(lambda draws: draws[offset : offset + stop - start], self._draws)

    def select(self, positions: Sequence[int]) -> "BlockDraws":
        """Return the draws of the seeds at these positions."""
        selected = BlockDraws(
            self._draw_block, [self._seeds[position] for position in positions], self._transfer, self._length
        )
        selected._block = self._block
        selected._draws = map_tensors(
            lambda draws: draws[:, torch.as_tensor(positions, device=draws.device)], self._draws
        )
        return selected

    def _load(self, step: int) -> int:
        """Draw the block of `step` unless it is loaded; return the offset of `step` in it."""
        block, offset = divmod(step, self._length)
        if block != self._block:
            self._block = -1
            self._draws = self._of_trial = None  # free the memory before drawing the next
            self._draws = map_tensors(self._transfer, self._draw_all_seeds(block))
            self._block = block
        return offset

    def _draw_all_seeds(self, block: int) -> Tree:
        """Draw a block into one tensor seed by seed, `[steps, seeds, 1, …]`: a stack would need twice the memory."""
        first = self._draw_block(self._seeds[0], block)
        draws = map_tensors(
            lambda leaf: leaf.new_empty(leaf.shape[0], len(self._seeds), 1, *leaf.shape[1:]), first
        )
        for position, seed in enumerate(self._seeds):
            seed_draws = self._draw_block(seed, block) if position else first
            for target, source in zip(leaves(draws), leaves(seed_draws), strict=True):
                slot = target[:, position, 0]
                if slot.shape != source.shape:  # copy_ would broadcast
                    raise ValueError(
                        f"make_draws returns {tuple(source.shape)} for one seed and {tuple(slot.shape)} for "
                        "another; return one shape"
                    )
                slot.copy_(source)
        return draws
