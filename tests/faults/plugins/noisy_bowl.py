"""A problem that can end the worker of its executor, or another process, once."""

import multiprocessing
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Layout, Problem

VICTIM = "BENCHBED_TEST_VICTIM"
"""Environment variable: a file with the number of the process to kill; empty for the worker of the executor."""


def kill_once():
    """Kill the victim and remove the file, in a child of a host, whose parent is the worker of the executor."""
    host = multiprocessing.parent_process()
    path = Path(os.environ.get(VICTIM, "/none"))
    if host is None or not path.exists():
        return
    if b"benchbed.runner.host" in Path(f"/proc/{host.pid}/cmdline").read_bytes():
        parent = Path(f"/proc/{host.pid}/stat").read_text().rpartition(")")[2].split()[1]
        victim = int(path.read_text() or parent)
        path.unlink()
        os.kill(victim, signal.SIGKILL)


@dataclass(frozen=True)
class NoisyBowl(Problem):
    """Minimize ½ |θ − center|² by gradients with noise."""

    layout = Layout({"point": (3,)})

    def make_start(self, generator):
        return torch.randn(3, generator=generator, dtype=torch.float64)

    def make_data(self, generator):
        kill_once()
        return torch.rand(3, generator=generator, dtype=torch.float64)

    def make_draws(self, generator, steps):
        return torch.randn(steps, 3, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        return (theta - data).square().sum(-1) / 2

    def loss(self, theta, data, draw):
        return self.objective(theta, data) + (theta * draw).sum(-1) / 10

    def optimum(self, data):
        return torch.zeros((), dtype=torch.float64)


@hookimpl
def register_problems(register):
    register(NoisyBowl)
