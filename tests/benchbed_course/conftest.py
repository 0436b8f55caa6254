"""Losses of small problems at points of several lanes, and the course's test function."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from benchbed.catalog.loading import load_catalog
from benchbed.engine.sampling import Instances
from benchbed.seeds import InstanceSeed

SEEDS, SETTINGS = 3, 2


class LossScene(NamedTuple):
    """A problem's objective and its loss on a draw, as functions of theta, and a point of several lanes."""

    theta: Tensor  # [seeds, settings, dimension]
    losses: dict


@pytest.fixture
def scene_of():
    """Return a function that builds the losses of a problem at points near its starts."""
    catalog = load_catalog()

    def build(name, **parameters):
        problem = catalog.problem(name, parameters)
        seeds = [InstanceSeed(0, name, "evaluation", seed) for seed in range(SEEDS)]
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
        return LossScene(instances.start[:, None] + 0.3 * offset, losses)

    return build


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
