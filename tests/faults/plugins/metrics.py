"""Metrics that raise or return something else than a number for each trial, beside healthy ones."""

import sys
import time

import numpy as np
import torch

from benchbed.hookspecs import hookimpl


def size(problem, theta, data):
    """Return the Euclidean norm, as a metric should."""
    return theta.norm(dim=-1)


def absent(problem, theta, data):
    return None


def raises(problem, theta, data):
    raise RuntimeError("no such thing")


def exits(problem, theta, data):
    sys.exit(0)


def raises_for_some(problem, theta, data):
    """Raise if any trial is to the right of the origin."""
    if (theta[..., 0] > 0).any():
        raise ArithmeticError("to the right")
    return theta[..., 0]


def text(problem, theta, data):
    return "good"


def number(problem, theta, data):
    return 3.5


def whole_batch(problem, theta, data):
    return theta.norm()


def for_each_coordinate(problem, theta, data):
    return theta


def compares_trials(problem, theta, data):
    return theta[..., 0] - theta[..., 0].mean()


def complex_number(problem, theta, data):
    return torch.complex(theta[..., 0], theta[..., 0])


def not_a_number(problem, theta, data):
    return theta[..., 0] * torch.nan


def is_right(problem, theta, data):
    """Return a bool, which counts as 1 or 0."""
    return theta[..., 0] > 0


def counts(problem, theta, data):
    """Return an integer."""
    return (theta > 0).sum(-1)


def long_text(problem, theta, data):
    raise ValueError("x" * 10_000_000)


def writes(problem, theta, data):
    """Overwrite the final point."""
    return theta.mul_(0).sum(-1)


def requires_gradient(problem, theta, data):
    with torch.enable_grad():
        return (theta.detach().requires_grad_() ** 2).sum(-1)


def guesses(problem, theta, data):
    """Draw from a global generator."""
    return theta[..., 0] + torch.rand_like(theta[..., 0])


def guesses_late(problem, theta, data):
    """Draw away from the start alone, for a batch and for a trial equally."""
    return theta[..., 0] + (np.random.random() if theta.shape[0] > 1 else 0.0) * 1e-6


def ages(problem, theta, data):
    """Return the time."""
    return theta[..., 0] + time.time()


CALLS = []


def counts_calls(problem, theta, data):
    """Return another number in each call."""
    CALLS.append(1)
    return theta[..., 0] + len(CALLS)


def writes_into_data(problem, theta, data):
    """Overwrite the constants of the problem that later trials read."""
    for leaf in data if isinstance(data, tuple) else [data]:
        leaf.mul_(0)
    return theta[..., 0]


@hookimpl
def register_metrics(register):
    for metric in (
        raises, size, absent, exits, raises_for_some, text, number, whole_batch, for_each_coordinate, compares_trials,
        complex_number, not_a_number, is_right, counts, long_text, writes, requires_gradient, guesses, guesses_late,
        ages, counts_calls, writes_into_data,
    ):  # fmt: skip
        register(metric)
