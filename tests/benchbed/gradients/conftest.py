"""Every problem of the catalog with small parameters, at points of several lanes."""

import os
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from benchbed.catalog.loading import load_catalog
from benchbed.engine.sampling import Instances
from benchbed.interfaces import Problem
from benchbed.seeds import InstanceSeed

CATALOG = load_catalog([], dict(os.environ))
SMALL = {
    "toy-mean": {"samples": 500, "batch_size": 8},
    "shallow-network": {"hidden": 6, "samples": 40, "batch_size": 5, "activation": "gelu"},
    "triangles": {"samples": 40, "batch_size": 5},
    "polynomial-network": {"dimension": 3, "samples": 40, "hidden": [5, 4], "batch_size": 6},
    "noisy-quadratic": {"dimension": 5},
    "zipf-bigram": {"vocabulary": 5},
    "imbalanced-softmax": {"groups": 2},
    "matrix-sensing": {"size": 4, "rank": 2, "samples": 20, "batch_size": 3},
    "associative-memory": {"facts": 5},
    "phase-retrieval": {"dimension": 4, "samples": 20, "batch_size": 3},
    "poisson-pinn": {"points": 3},
}
"""Parameters for the problems with slow defaults."""
SEEDS, SETTINGS = 3, 2


class LossesAt(NamedTuple):
    """A problem's objective and its loss on a draw, as functions of theta, and points of several lanes."""

    problem: Problem
    theta: Tensor  # [seeds, settings, dimension]
    losses: dict


@pytest.fixture
def scene_of():
    """Return a function that builds the losses of a problem at points near its starts, which are often special."""

    def make(name, **parameters):
        problem = CATALOG.problem(name, SMALL.get(name, {}) | parameters)
        seeds = [InstanceSeed(0, name, "evaluation", number) for number in range(SEEDS)]
        instances = Instances(problem, seeds, torch.device("cpu"), torch.float64)
        offset = torch.randn(
            SEEDS,
            SETTINGS,
            problem.layout.dimension,
            generator=torch.Generator().manual_seed(1),
            dtype=torch.float64,
        )
        losses = {"objective": lambda theta: problem.objective(theta, instances.data)}
        draw = instances.draws.at(7)
        if draw is not None:
            losses["on a draw"] = lambda theta: problem.loss(theta, instances.data, draw)
        return LossesAt(problem, instances.start[:, None] + 0.3 * offset, losses)

    return make


OF_REAL_DATA = ("logistic-regression", "softmax-regression")
PROBLEMS = [
    name
    for name in CATALOG.names("problems")
    if not (CATALOG.entry("problems", name).implementation.per_trial or name in OF_REAL_DATA)
]
"""All whose functions take lanes, and whose operations do not occur in others."""


@pytest.fixture(params=PROBLEMS)
def scene(request, scene_of):
    """Each problem of the catalog, with few parameters."""
    return scene_of(request.param)


@pytest.fixture
def document():
    """The course's test function f_i(x) = exp(−mean √x) + i, i = 1 … n, and its Jacobian in closed form."""

    def function(x, outputs=2):
        mean = torch.exp(-torch.sqrt(x).mean(-1))
        return torch.stack([mean + i for i in range(1, outputs + 1)], -1)

    def jacobian(x, outputs=2):
        row = -torch.exp(-torch.sqrt(x).mean(-1)) / (2 * x.shape[-1] * torch.sqrt(x))
        return row.expand(outputs, -1)

    return function, jacobian
