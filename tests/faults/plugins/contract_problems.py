"""Problems that break the contract while they run, each in one way; `bowl` is |θ|² and breaks it in none."""

from dataclasses import dataclass
from typing import Literal

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Layout, Problem

Fault = Literal[
    "none", "sum", "mean", "softmax", "projection", "branch", "keepdim", "integer", "complex", "promoted",
    "detached", "writes",
    "short_start", "flat_start", "integer_start", "nan_start", "list_start", "optimum_of_all", "optimum_of_point",
    "float_data", "float_draws", "one_draw",
]  # fmt: skip


@dataclass(frozen=True)
class Bowl(Problem):
    fault: Fault = "none"

    @property
    def layout(self):
        return Layout({"point": (2,)})

    def make_start(self, generator):
        start = torch.rand(2, generator=generator, dtype=torch.float64) + 1
        return {
            "short_start": start[:1],
            "flat_start": start[None],
            "integer_start": start.long(),
            "nan_start": torch.full_like(start, torch.nan),
            "list_start": start.tolist(),
        }.get(self.fault, start)

    def make_data(self, generator):
        height = torch.rand(1, generator=generator, dtype=torch.float64)
        return height.item() if self.fault == "float_data" else height

    def make_draws(self, generator, steps):
        draws = {
            "float_draws": lambda: torch.rand(1, generator=generator).item(),
            "one_draw": lambda: torch.zeros(1),
        }
        return draws[self.fault]() if self.fault in draws else None

    def objective(self, theta, data):
        value = theta.square().sum(-1) + (data if isinstance(data, float) else data[..., 0])
        faults = {
            "sum": value.sum,
            "mean": lambda: value + 1e-3 * theta.mean(),
            "softmax": lambda: value * value.flatten().softmax(0).view_as(value),
            "projection": lambda: value / theta.detach().norm().clamp(min=10),
            "branch": lambda: value if theta.abs().max() < 3 else value + 1,
            "keepdim": lambda: value[..., None],
            "integer": value.long,
            "complex": lambda: value + 0j,
            "promoted": lambda: value + torch.zeros(1, dtype=torch.float64),
            "detached": value.detach,
            "writes": lambda: theta.mul_(0.5).square().sum(-1),
        }
        return faults[self.fault]() if self.fault in faults else value

    def optimum(self, data):
        if isinstance(data, float):
            return data
        optima = {"optimum_of_all": data.sum(), "optimum_of_point": data.expand(*data.shape[:-1], 2)}
        return optima.get(self.fault, data[..., 0])


FAULTY = {
    "sum": "dim=-1",
    "mean": "dim=-1",
    "softmax": "dim=-1",
    "projection": "dim=-1",
    "branch": "dim=-1",
    "keepdim": "must return (2, 2)",
    "integer": "torch.int64",
    "complex": "torch.complex64",
    "promoted": "torch.float64",
    "detached": "detach()",
    "writes": "return new tensors",
    "short_start": "has dimension 2",
    "flat_start": "has dimension 2",
    "integer_start": "torch.int64",
    "nan_start": "not finite",
    "list_start": "a list",
    "optimum_of_all": "beside another instance",
    "optimum_of_point": "a real number for each",
    "float_data": "return tensors",
    "float_draws": "return tensors [steps, …]",
    "one_draw": "return tensors [steps, …]",
}
"""Value of `fault` -> part of the sentence that rejects it."""


@hookimpl
def register_problems(register):
    register(Bowl)
