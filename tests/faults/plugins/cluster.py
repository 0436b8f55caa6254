"""A noisy bowl, and an executor of Parsl, as a user of a cluster has them in a file."""

from dataclasses import dataclass

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Layout, Problem


@dataclass(frozen=True)
class ClusterBowl(Problem):
    """Minimize ½ |θ − center|² by gradients with noise."""

    layout = Layout({"point": (3,)})

    def make_start(self, generator):
        return torch.randn(3, generator=generator, dtype=torch.float64)

    def make_data(self, generator):
        return torch.rand(3, generator=generator, dtype=torch.float64)

    def make_draws(self, generator, steps):
        return torch.randn(steps, 3, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        return (theta - data).square().sum(-1) / 2

    def loss(self, theta, data, draw):
        return self.objective(theta, data) + (theta * draw).sum(-1) / 10

    def optimum(self, data):
        return torch.zeros((), dtype=torch.float64)


def parsl(jobs):
    """Start the workers of Parsl on this machine."""
    from parsl.concurrent import ParslPoolExecutor
    from parsl.config import Config
    from parsl.executors import HighThroughputExecutor
    from parsl.providers import LocalProvider

    workers = HighThroughputExecutor(
        label="local",
        address="127.0.0.1",
        max_workers_per_node=jobs,
        provider=LocalProvider(init_blocks=1, max_blocks=1),
    )
    return ParslPoolExecutor(Config(executors=[workers]))


@hookimpl
def register_problems(register):
    register(ClusterBowl)


@hookimpl
def register_executors(register):
    register(parsl)
