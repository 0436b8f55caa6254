"""CUDA devices: those of a study, the binding of a child process to one of them, and their load."""

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Environment variable of CUDA: the devices that a process sees, by number or identifier."""
BOUND = "BENCHBED_CUDA_DEVICE"
"""Environment variable of a child that sees one device only: its name in the driver, such as "cuda:1"."""


def cuda_devices(device: str) -> tuple[str, ...]:
    """Return the devices that the device of a plan stands for: all for "cuda", one for "cuda:1", none for "cpu"."""
    import torch  # the driver imports this module before torch

    if device == "cuda":
        return tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
    return () if device == "cpu" else (device,)


def binding_of(device: str) -> dict[str, str]:
    """Return the environment variables of a child that sees only this device of the driver.

    In the child the device is number 0. Its results cannot depend on its number, and no code reaches another device.
    """
    number = device.partition(":")[2]
    visible = os.environ.get(VISIBLE)
    # The numbers of the driver count the entries of the variable.
    entry = number if visible is None else visible.split(",")[int(number)].strip()
    return {VISIBLE: entry, BOUND: device}


def device_here(device: str) -> str:
    """Return the name that the device of a plan has in this process."""
    return "cuda" if BOUND in os.environ and device != "cpu" else device


def device_of_rows(device: str) -> str:
    """Return the device of this process for its rows: its name in the driver, or, if it is not bound, in the plan."""
    return device if device == "cpu" else os.environ.get(BOUND, device)


def finish_work() -> None:
    """Wait for the CUDA device, if this process uses one, and free the memory that torch reserves on it.

    Raises: torch.AcceleratorError if the device failed, although a plugin or a fallback has caught the exception.
    """
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
        torch.cuda.empty_cache()  # the process may wait, while another one needs the memory


class DevicePool:
    """The devices of a study, with the number of tasks that run on each."""

    def __init__(self, devices: Sequence[str]) -> None:
        self._running = dict.fromkeys(devices, 0)
        self._started: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.lost: dict[str, str] = {}
        """The reason for each device that no longer works."""

    @contextlib.contextmanager
    def reserve(self) -> Iterator[str | None]:
        """Yield the device with the fewest tasks, of several the one that has started the fewest.

        None if all are lost.
        """
        with self._lock:
            working = [device for device in self._running if device not in self.lost]
            device = min(working, key=lambda name: (self._running[name], self._started[name]), default=None)
            if device is not None:
                self._running[device] += 1
                self._started[device] += 1
        try:
            yield device
        finally:
            if device is not None:
                with self._lock:
                    self._running[device] -= 1

    def lose(self, device: str, reason: str) -> None:
        """Use a device no more."""
        with self._lock:
            self.lost.setdefault(device, reason)
