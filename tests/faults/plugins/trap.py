"""A bowl with a fault of choice in a method of choice, and a rule with a fault in its factory."""

import ctypes
import os
import sys
import time
from dataclasses import dataclass

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Layout, Optimizer, Problem


def commit(fault):
    if fault == "raise":
        raise RuntimeError("the trap is shut")
    if fault == "exit":
        sys.exit(0)
    if fault == "end":
        os._exit(0)
    if fault == "crash":
        ctypes.string_at(0)
    while fault == "hang":
        time.sleep(0.01)


@dataclass(frozen=True)
class Trap(Problem):
    """The squared norm of a point in the plane."""

    place: str = ""
    fault: str = ""

    def __post_init__(self):
        self.reach("building")

    def reach(self, place):
        if place == self.place:
            commit(self.fault)

    @property
    def layout(self):
        self.reach("layout")
        return Layout({"point": (2,)})

    @property
    def targets(self):
        self.reach("targets")
        return (2.0,) if (self.place, self.fault) == ("targets", "wrong") else (0.1, 0.01)

    @property
    def full_price(self):
        self.reach("price")
        return float("nan") if (self.place, self.fault) == ("price", "wrong") else 1.0

    def make_start(self, generator):
        self.reach("start")
        return torch.rand(2, generator=generator, dtype=torch.float64)

    def make_data(self, generator):
        self.reach("data")

    def optimum(self, data):
        self.reach("optimum")
        return torch.tensor(0.0, dtype=torch.float64)

    def objective(self, theta, data):
        return theta.square().sum(-1)


def trap_rule(learning_rate: float = 0.1, fault: str = ""):
    commit(fault)

    def update(oracle, state, theta):
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=lambda theta: (), update=update)


@hookimpl
def register_problems(register):
    register(Trap)


@hookimpl
def register_optimizers(register):
    register(trap_rule)
