"""Global generators and the clock: use is noticed, and both are restored."""

import random
import time

import numpy as np
import pytest
import torch

from benchbed.engine.global_random import generator_states, moved_generator, other_global_state

DRAWS = {
    "torch's global generator": lambda: torch.rand(1),
    "NumPy's global generator": np.random.random,
    "Python's global generator (the module random)": random.random,
}


@pytest.mark.parametrize(("name", "draw"), DRAWS.items(), ids=list(DRAWS))
def test_a_draw_is_noticed_and_restored(name, draw):
    """The numbers differ between two variants, and repeat in one."""
    before = generator_states()
    numbers = []
    for variant in (0, 1, 0):
        with other_global_state(variant):
            inside = generator_states()
            numbers.append(float(draw()))
            assert moved_generator(inside) == name
    assert numbers[0] == numbers[2] != numbers[1]
    assert moved_generator(before) is None


def test_the_clock_runs_ahead_and_restored():
    """It runs ahead further with each reading, so that differences show it too."""
    clock = time.time
    with other_global_state(1):
        assert time.time() > clock() + 1e6
        assert time.perf_counter_ns() > 1e15
        assert time.monotonic() + 1e6 < time.monotonic()
    assert time.time is clock
