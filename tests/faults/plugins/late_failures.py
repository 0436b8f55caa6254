"""Optimizers that reach all targets but the last at once, and then fail, diverge or go on."""

import os
from typing import NamedTuple

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer


class StepCount(NamedTuple):
    """Number of steps, `[..., 1]`."""

    steps: torch.Tensor


def fail():
    raise ArithmeticError("too late")


def exit_process():
    os._exit(3)


def descent(fault=None, scale=0.5):
    """Contract the point by `scale` in every step, and call `fault` after the eighteenth."""

    def update(oracle, state, theta):
        if fault is not None and state.steps.max() >= 18:
            fault()
        return theta * scale, StepCount(state.steps + 1)

    return Optimizer(init=lambda theta: StepCount(torch.zeros_like(theta[..., :1])), update=update)


def fast_then_raises():
    return descent(fail, 0.2)


def fast_then_exits():
    return descent(exit_process, 0.2)


def fast_then_explodes():
    """Leave for 1e9 after the eighteenth step."""

    def update(oracle, state, theta):
        return torch.where(state.steps >= 18, 0 * theta + 1e9, 0.2 * theta), StepCount(state.steps + 1)

    return Optimizer(init=lambda theta: StepCount(torch.zeros_like(theta[..., :1])), update=update)


def slow():
    return descent(None, 0.9)


def medium():
    return descent(None, 0.8)


@hookimpl
def register_optimizers(register):
    for optimizer in (fast_then_raises, fast_then_exits, fast_then_explodes, slow, medium):
        register(optimizer)
