"""Workers whose tasks run on the CUDA devices of this machine, each in a child process that sees one device."""

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

from benchbed.errors import CONTINUES, ExecutorLostError
from benchbed.formatting import exception_line
from benchbed.interfaces import TrialStatus
from benchbed.runner.devices import DevicePool
from benchbed.runner.workers import Work, WorkerFailure, Workers, end_processes, run_isolated

PROBE_SECONDS = 60.0
"""Time limit of a probe, most of which CUDA takes to start."""

_BUSY = TrialStatus.OUT_OF_MEMORY, TrialStatus.TIMED_OUT
"""Failures of a probe on a device that works for other processes."""


class DeviceWorkers(Workers):
    """The tasks of an executor on several devices: a task runs on the device with the fewest tasks.

    If a task crashes, a probe checks its device. A device on which it fails too is lost: no task runs on it any more,
    and the crashed task runs on another one. A device without memory for a probe, or without time, works for other
    processes. Without any device left, tasks raise ExecutorLostError, which ends the study.
    """

    shares_cores = False

    def __init__(self, executor: Executor, devices: Sequence[str], probe: Work | None = None) -> None:
        """`devices` are names such as "cuda:0"; `probe` is the task that checks one."""
        super().__init__(executor)
        self._pool, self._probe = DevicePool(devices), probe or probe_device
        self._run = self._run_on_device

    @property
    def warnings(self) -> list[str]:
        """A sentence on each device that was lost."""
        return [
            f"{device} is lost, and its batches ran on the other devices: {reason}"
            for device, reason in self._pool.lost.items()
        ]

    def _run_on_device(
        self, work: Work, task: bytes, timeout: float | None = None, owner: str | None = None
    ) -> Any:
        while not self._ended.is_set():
            with self._pool.reserve() as device:
                if device is None:
                    lost = "; ".join(f"{name}: {reason}" for name, reason in self._pool.lost.items())
                    raise ExecutorLostError(f"no CUDA device is left ({lost}); {CONTINUES}")
                result = run_isolated(work, task, timeout, owner, device, self._ended)
                if not isinstance(result, WorkerFailure):
                    return result
                if (
                    result.kind is not TrialStatus.CRASHED
                    or self._ended.is_set()
                    or not self._is_lost(device)
                ):
                    return result._replace(device=device)
        return WorkerFailure(TrialStatus.CRASHED, "the study was interrupted before the task ran")

    def _is_lost(self, device: str) -> bool:
        """Return whether a probe fails on a device, in a process of its own that was not killed."""
        owner = f"probe of {device}"
        answer = run_isolated(self._probe, b"", PROBE_SECONDS, owner, device, self._ended)
        end_processes(owner)
        if not isinstance(answer, WorkerFailure) or answer.kind in _BUSY or self._ended.is_set():
            return False
        self._pool.lose(device, exception_line(answer.log) or "its process dies")
        return True


def probe_device(task: bytes) -> float:
    """Return a number that the device of this process has computed. Raises: RuntimeError if the device is lost."""
    import torch

    return float(torch.ones(2, device="cuda").sum())
