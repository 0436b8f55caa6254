"""The path of cautious updates."""

import torch

from benchbed.catalog.wrapping import wrapped_factory
from benchbed_optimizers.momentum import momentum
from benchbed_optimizers.wrappers.cautious import cautious


def test_cautious_is_the_papers(assert_same_path_as_loop):
    """Algorithm 1 around momentum: coordinates whose step would ascend rest, and the others move further."""

    def step(g, theta, t, memory, setting, gradient_at):
        m = memory["m"] = setting["beta"] * memory.get("m", torch.zeros_like(g)) + (1 - setting["beta"]) * g
        mask = (m * g > 0).double()
        return theta - setting["learning_rate"] * theta.numel() / (mask.sum() + 1) * mask * m

    settings = [{"learning_rate": 1e-3, "beta": beta} for beta in (0.9, 0.5)]
    assert_same_path_as_loop(wrapped_factory("cautious", cautious, momentum), settings, step)
