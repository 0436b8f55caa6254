"""Metrics that raise or return something else than a number for each trial, beside healthy ones."""

import sys

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


@hookimpl
def register_metrics(register):
    for metric in (
        raises, size, absent, exits, raises_for_some, text, number, whole_batch, for_each_coordinate, compares_trials,
        complex_number, not_a_number, is_right, counts, long_text, writes, requires_gradient,
    ):  # fmt: skip
        register(metric)
