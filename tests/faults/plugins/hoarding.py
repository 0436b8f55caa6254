"""Optimizers that need much memory."""

from typing import NamedTuple

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Hyperparameter, Optimizer

NUMBERS = 30_000_000
"""120 MB in float32."""
_hoard = []


class Nothing(NamedTuple):
    """A state without tensors."""


def descent(learning_rate, action):
    def update(oracle, state, theta):
        action(theta)
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=lambda theta: Nothing(), update=update)


def hoards(learning_rate: Hyperparameter = 0.01):
    """Keep more memory in every step."""
    return descent(learning_rate, lambda theta: _hoard.append(torch.ones(NUMBERS)))


def allocates_a_terabyte(learning_rate: Hyperparameter = 0.01):
    """Allocate more than any machine has."""
    return descent(learning_rate, lambda theta: torch.ones(1 << 40))


def fills_by_lane(learning_rate: Hyperparameter = 0.01):
    """Need memory in proportion to the number of trials."""
    return descent(learning_rate, lambda theta: torch.ones(*theta.shape[:-1], NUMBERS))


@hookimpl
def register_optimizers(register):
    for factory in (hoards, allocates_a_terabyte, fills_by_lane):
        register(factory)
