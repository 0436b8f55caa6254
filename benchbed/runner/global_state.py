"""Give every batch the same surroundings, whatever a plugin did to the process before."""

import os
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch

from benchbed.codegen.denormals import flushes_denormals

_SEED = 0


class _Switch(NamedTuple):
    """Something that a process has one of."""

    read: Callable[[], Any]
    write: Callable[[Any], Any]
    usual: Any
    """What every batch finds."""

    def turn(self, value: Any) -> None:
        """Write only what differs: some setters cost more than they look."""
        if self.read() != value:
            self.write(value)


def _set_device(device: torch.device) -> None:
    # Any device but None, the CPU too, would slow down every later call.
    torch.set_default_device(None if device.type == "cpu" else device)


_SWITCHES = (
    # One thread a job: two processes of two threads each lose to two of one by a factor of three.
    _Switch(torch.get_num_threads, torch.set_num_threads, 1),
    _Switch(torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    _Switch(torch.get_default_device, _set_device, torch.device("cpu")),
    _Switch(torch.is_grad_enabled, torch.set_grad_enabled, True),
    _Switch(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
    # What has converged to within 1e-308 would take some processors a hundred times as long at every step.
    _Switch(flushes_denormals, torch.set_flush_denormal, True),
    _Switch(torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, False),
)


@contextmanager
def usual_conditions() -> Iterator[None]:
    """Set threads, dtype, device, generators and the like as every batch finds them; then put all of it back."""
    with ExitStack() as after, warnings.catch_warnings(), _usual_errors(), torch.random.fork_rng([]):
        for switch in _SWITCHES:
            after.callback(switch.turn, switch.read())
            switch.turn(switch.usual)
        here = os.open(".", os.O_RDONLY)  # leads back also where the folder has lost its name
        after.callback(os.close, here)
        after.callback(os.fchdir, here)
        after.callback(random.setstate, random.getstate())
        after.callback(np.random.set_state, np.random.get_state())
        torch.manual_seed(_SEED)
        random.seed(_SEED)
        np.random.seed(_SEED)
        yield


def _usual_errors() -> np.errstate:
    """Have NumPy warn as it does unless told otherwise."""
    return np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
