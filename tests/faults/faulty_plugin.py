"""A plugin whose optimizers are the faults of the tests: each makes five good steps and then misbehaves."""

import ctypes
import os
import random
import re
import signal
import sys
import time
import warnings
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer

GOOD_STEPS = 5


class StepCount(NamedTuple):
    """Number of steps, `[..., 1]`."""

    steps: torch.Tensor


class UnpicklableError(Exception):
    """An exception that can be pickled, but not unpickled."""

    def __init__(self, first, second):
        super().__init__(f"{first} {second}")


class UncaughtError(BaseException):
    """An exception that `except Exception` does not catch."""


def descent(fault):
    """Descend, and call `fault` in every step after the fifth."""

    def update(oracle, state, theta):
        if state.steps.max() >= GOOD_STEPS:
            fault()
        return theta - 0.01 * oracle.gradient, StepCount(state.steps + 1)

    return Optimizer(init=lambda theta: StepCount(torch.zeros_like(theta[..., :1])), update=update)


def raise_error(error):
    raise error


def raises():
    return descent(lambda: raise_error(ValueError("this optimizer raises")))


def raises_for_thirteen(learning_rate: float = 0.01):
    """Raise if the learning rate is 13."""
    fails = torch.as_tensor(learning_rate == 13).any()
    return descent(lambda: raise_error(ValueError("thirteen")) if fails else None)


def dies_for_thirteen(learning_rate: float = 0.01):
    """Die if the learning rate is 13."""
    fails = torch.as_tensor(learning_rate == 13).any()
    return descent(lambda: os._exit(3) if fails else None)


def raises_stubborn():
    return descent(lambda: raise_error(UnpicklableError("cannot be", "unpickled")))


def raises_strange():
    return descent(lambda: raise_error(UncaughtError("not an Exception")))


def raises_interrupt():
    return descent(lambda: raise_error(KeyboardInterrupt()))


def raises_in_colour():
    return descent(lambda: raise_error(ValueError("\x1b[31m[red]<script>alert(1)</script>=cmd()\x00\udcff")))


def recurses():
    def deeper():
        return deeper()

    return descent(deeper)


def exits():
    return descent(lambda: sys.exit(0))


def exits_hard():
    return descent(lambda: os._exit(0))


def kills_itself():
    return descent(lambda: os.kill(os.getpid(), signal.SIGKILL))


def segfaults():
    return descent(lambda: ctypes.string_at(0))


def dies_once():
    """Create the file `died` in the folder BENCHBED_TEST_GATE and die, unless the file exists."""

    def die():
        died = Path(os.environ["BENCHBED_TEST_GATE"]) / "died"
        if not died.exists():
            died.touch()
            os._exit(1)

    return descent(die)


def answers_nonsense():
    return descent(lambda: None)._replace(answer=lambda state, theta: "nonsense")


def changes_shape():
    return Optimizer(init=StepCount, update=lambda oracle, state, theta: (theta[..., :1], state))


def floods():
    def shout():
        print("flood " * 1000)  # noqa: T201 (this is the fault)
        os.write(1, b"flood\n" * 1000)
        warnings.warn("flood", stacklevel=1)

    return descent(shout)


def loop_for_ever():
    while True:
        time.sleep(0.01)


def hangs():
    return descent(loop_for_ever)


def backtrack_for_ever():
    if "BENCHBED_TEST_GATE" in os.environ:
        (Path(os.environ["BENCHBED_TEST_GATE"]) / "stuck").touch()
    re.match(r"(a+)+$", "a" * 60 + "b")


def hangs_in_c():
    """Keep the GIL in a regular expression that backtracks for years."""
    return descent(backtrack_for_ever)


def waits():
    """Create a file `waiting-*` in the folder BENCHBED_TEST_GATE, and wait for the file `open`."""

    def wait():
        gate = Path(os.environ["BENCHBED_TEST_GATE"])
        (gate / f"waiting-{os.getpid()}").touch()
        while not (gate / "open").exists():
            time.sleep(0.01)

    return descent(wait)


def meddles():
    """Change all global state of the process."""

    def meddle():
        torch.manual_seed(time.time_ns())
        random.seed(time.time_ns())
        np.random.seed(time.time_ns() % 2**32)
        torch.set_num_threads(2)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(mode=False)
        torch.set_float32_matmul_precision("medium")
        torch.use_deterministic_algorithms(mode=True)
        torch.set_flush_denormal(False)
        np.seterr(all="raise")
        warnings.simplefilter("error")
        os.chdir("/")

    return descent(meddle)


class LosingExecutor(Executor):
    """An executor that loses every task, as a cluster may."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_exception(RuntimeError("the cluster is gone"))
        return future


def gives_up(jobs):
    return LosingExecutor()


@hookimpl
def register_executors(register):
    register(gives_up)


@hookimpl
def register_optimizers(register):
    for fault in (
        raises, raises_for_thirteen, dies_for_thirteen, raises_stubborn, raises_strange, raises_interrupt,
        raises_in_colour, recurses, exits, exits_hard, kills_itself, segfaults, dies_once, answers_nonsense,
        changes_shape, floods, hangs, hangs_in_c, waits, meddles,
    ):  # fmt: skip
        register(fault)
