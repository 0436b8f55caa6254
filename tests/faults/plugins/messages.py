"""Optimizers that raise, with messages of every kind."""

from typing import NamedTuple

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer

LONG = 5_000_000


class Nothing(NamedTuple):
    pass


def raising(message):
    def update(oracle, state, theta):
        raise ValueError(message)

    return Optimizer(init=lambda theta: Nothing(), update=update)


def endless():
    return raising("begin " + "x" * LONG + " end")


def coloured():
    return raising("\x1b[31mred\x1b[0m \u202e<b>=1+1\x00")


def several_lines():
    return raising("first line\nsecond line\n\nlast line")


def unprintable():
    class SilentError(Exception):
        def __str__(self):
            raise RuntimeError("not even a message")

    def update(oracle, state, theta):
        raise SilentError

    return Optimizer(init=lambda theta: Nothing(), update=update)


def numbered(number: float = 0.0):
    """Raise errors that differ in a number."""

    def update(oracle, state, theta):
        raise ValueError(f"number {torch.as_tensor(number).flatten()[0]:g}")

    return Optimizer(init=lambda theta: Nothing(), update=update)


@hookimpl
def register_optimizers(register):
    for optimizer in (endless, coloured, several_lines, unprintable, numbered):
        register(optimizer)
