"""Optimizers whose steps raise the errors of CUDA, as torch raises them, on any device."""

from typing import NamedTuple

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Hyperparameter, Optimizer

ASSERTION = (
    "CUDA error: device-side assert triggered\n"
    "CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be "
    "incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
)
_failed = []
"""Not empty once the device of this process has failed: CUDA then rejects all further work of the process."""


class Nothing(NamedTuple):
    """A state without tensors."""


def descent(learning_rate, action):
    def update(oracle, state, theta):
        action()
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=lambda theta: Nothing(), update=update)


def fills_the_device(learning_rate: Hyperparameter = 0.01):
    """Allocate more than the device has."""

    def allocate():
        raise torch.cuda.OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 80.00 GiB. GPU 0 has a total capacity of 79.14 GiB."
        )

    return descent(learning_rate, allocate)


def asserts_for_thirteen(learning_rate: Hyperparameter = 0.01):
    """Fail an assertion in a kernel if the learning rate is 13."""
    is_thirteen = torch.as_tensor(learning_rate == 13).any()

    def check():
        if is_thirteen:
            _failed.append(None)
        if _failed:
            raise torch.AcceleratorError(ASSERTION)

    return descent(learning_rate, check)


@hookimpl
def register_optimizers(register):
    for factory in (fills_the_device, asserts_for_thirteen):
        register(factory)
