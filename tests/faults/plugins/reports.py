"""Reports that fail in every way, beside one that works, and a problem whose surface cannot be computed."""

import os
from dataclasses import dataclass

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Layout, Problem


class Report:
    """A report whose pieces are drawn by a function."""

    def __init__(self, name, draw, pieces=("one",)):
        self.name, self._draw, self._pieces = name, draw, pieces

    def pieces(self, results):
        return self._pieces() if callable(self._pieces) else list(self._pieces)

    def draw(self, results, piece):
        return self._draw(piece)


def raises(piece=None):
    raise ValueError("no picture\nsecond line " + "x" * 5_000_000 + "\nlast line")


def exits(piece):
    os._exit(0)


def good(piece):
    return {f"plots/good-{piece}.txt": b"good"}


def second_raises(piece):
    return raises() if piece == "two" else good(f"second-{piece}")


def patches(piece):
    """Break matplotlib for all that share this process."""
    from matplotlib.figure import Figure

    Figure.savefig = raises
    return {"plots/patches.txt": b"done"}


@dataclass(frozen=True)
class Plane(Problem):
    """The squared norm, whose minimizer, metrics and grid fail."""

    @property
    def layout(self):
        return Layout({"point": (2,)})

    def make_start(self, generator):
        return 1 + torch.rand(2, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        if theta.numel() > 20_000:  # the grid of the plot
            os._exit(3)
        return theta.square().sum(-1)

    def optimum(self, data):
        return torch.tensor(0.0)

    def minimizer(self, data):
        raise ArithmeticError("no minimizer")

    def in_basin(self, theta, data):
        raise ArithmeticError("no basin")


@hookimpl
def register_problems(register):
    register(Plane)


@hookimpl
def register_reports(register):
    for report in (
        Report("good", good),
        Report("raises", raises),
        Report("raises-for-pieces", good, raises),
        Report("second-raises", second_raises, ("one", "two", "three")),
        Report("exits", exits),
        Report("returns-none", lambda piece: None),
        Report("returns-text", lambda piece: {"plots/text.txt": "text"}),
        Report("returns-number", lambda piece: {3: b"three"}),
        Report("leaves-folder", lambda piece: {"../outside.txt": b"out"}),
        Report("patches", patches),
    ):
        register(report)
