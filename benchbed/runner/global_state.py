"""Reset of the global state of a process, so that no batch depends on plugins that ran before it."""

import os
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchbed.codegen.denormals import flushes_denormals

_SEED = 0


class _GlobalSetting(NamedTuple):
    """A global setting of torch, with its value for batches."""

    get: Callable[[], Any]
    set: Callable[[Any], Any]
    default: Any

    def change(self, value: Any) -> None:
        """Set the value if it differs: some setters are slow."""
        if self.get() != value:
            self.set(value)


def _set_device(device: torch.device) -> None:
    # With any device other than None, the CPU included, torch would be slower at every later call.
    torch.set_default_device(None if device.type == "cpu" else device)


_SETTINGS = (
    # One thread a job: two processes of two threads each take three times as long as two of one.
    _GlobalSetting(torch.get_num_threads, torch.set_num_threads, 1),
    _GlobalSetting(torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    _GlobalSetting(torch.get_default_device, _set_device, torch.device("cpu")),
    _GlobalSetting(torch.is_grad_enabled, torch.set_grad_enabled, True),
    _GlobalSetting(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
    # Some processors take a hundred times as long with numbers below 1e-308, to which converged trials get.
    _GlobalSetting(flushes_denormals, torch.set_flush_denormal, True),
    _GlobalSetting(torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, False),
)


@contextmanager
def default_global_state() -> Iterator[None]:
    """Set threads, dtype, device, random generators and the like to their defaults, and restore them at the end."""
    numpy_errors = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
    with ExitStack() as stack, warnings.catch_warnings(), numpy_errors, torch.random.fork_rng([]):
        for setting in _SETTINGS:
            stack.callback(setting.change, setting.get())
            setting.change(setting.default)
        working_directory = os.open(".", os.O_RDONLY)  # a descriptor survives a rename of the folder
        stack.callback(os.close, working_directory)
        stack.callback(os.fchdir, working_directory)
        stack.callback(random.setstate, random.getstate())
        stack.callback(np.random.set_state, np.random.get_state())
        # The fused attention on CPUs has no form for lanes: torch would loop over them, and warn.
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        torch.manual_seed(_SEED)
        random.seed(_SEED)
        np.random.seed(_SEED)
        yield
