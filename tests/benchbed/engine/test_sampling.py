"""BlockDraws of draws give what was drawn for a step, or nothing."""

import pytest
import torch

from benchbed.engine.sampling import BlockDraws
from benchbed.seeds import DRAW_BLOCK, InstanceSeed


def test_a_block_that_could_not_be_drawn_leaves_none_in_its_place():
    """After an error between two blocks, each step still gets the draws of its own block."""
    fails = [True]

    def make(seed, block):
        if block == 1 and fails.pop():
            raise MemoryError
        return torch.arange(DRAW_BLOCK, dtype=torch.float64) + block * DRAW_BLOCK

    blocks = BlockDraws(make, [InstanceSeed(0, "made-up", "evaluation", 0)], lambda draws: draws)
    assert blocks.at(5).item() == 5
    with pytest.raises(MemoryError):
        blocks.at(DRAW_BLOCK)
    assert blocks.at(6).item() == 6
    fails.append(False)
    assert blocks.at(DRAW_BLOCK + 7).item() == DRAW_BLOCK + 7
