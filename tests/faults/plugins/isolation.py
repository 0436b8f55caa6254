"""Problems of which some trials fail after three good steps, and the others have a closed form.

The point is (x, x₀, tag). The objective is x², so gradient descent at rate r has f = x₀² (1 − 2r)²ᵏ after k steps.
"""

import os
import time
from dataclasses import dataclass

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Layout, Problem

FAILING_TAG = 0.75
"""Trials with a larger tag, uniform on [0, 1), fail."""


def exit_process():
    os._exit(3)


def hang():
    while True:
        time.sleep(0.01)


def raise_error():
    raise ArithmeticError("this trial fails")


FAULTS = {"none": lambda: None, "raise": raise_error, "exit": exit_process, "hang": hang}


@dataclass(frozen=True)
class Trap(Problem):
    """The objective x², with a fault where x is half of its start."""

    fault: str = "none"
    least_tag: float = FAILING_TAG

    @property
    def layout(self):
        return Layout({"x": (1,), "start": (1,), "tag": (1,)})

    def make_start(self, generator):
        start, tag = torch.rand(2, generator=generator, dtype=torch.float64)
        return torch.stack([1 + start, 1 + start, tag])

    def objective(self, theta, data):
        x, start, tag = theta.unbind(-1)
        if ((x < start / 2) & (tag > self.least_tag)).nonzero().numel():  # the check rejects `any`
            FAULTS[self.fault]()
        return x**2

    def optimum(self, data):
        return torch.tensor(0.0)


@hookimpl
def register_problems(register):
    register(Trap)
