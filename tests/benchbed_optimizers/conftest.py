"""Follow an optimizer's path over a problem, alone or in lanes, and compare it with a reference's."""

from types import SimpleNamespace

import pytest
import torch

from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.runge import Runge
from benchbed_problems.weighted_quartic import WeightedQuartic

STEPS = 200
# Two orders of the same float64 operations differ by some 1e-16 a step and coordinate of size one, and 200
# steps add up to less than this. Where a vanishing gradient is divided by its own size, rounding would grow
# along the path without end: the settings of the tests keep RMSProp and Adam from arriving.
TOLERANCE = {"rtol": 1e-12, "atol": 1e-12}

PROBLEMS = {
    "quadratic": Quadratic(),
    "rotated-quadratic": Quadratic(dimension=4, rotated=True),
    "quartic": Quartic(gradient_noise=0.5),
    "weighted-quartic": WeightedQuartic(dimension=3),
    "runge": Runge(features=6),
    "network": PolynomialNetwork(dimension=3, samples=64, hidden=(6, 5), batch_size=8),
}


def gradient_of(function, theta):
    """Differentiate lane by lane: the lanes of a sum do not mix."""
    theta = theta.detach().requires_grad_()
    return torch.autograd.grad(function(theta).sum(), theta)[0]


def follow(optimizer, losses, theta):
    """Walk one step for each loss; give all points, `[steps + 1, ..., dimension]`."""
    state, path = optimizer.init(theta), [theta]
    for loss in losses:
        oracle = SimpleNamespace(loss=loss(theta), gradient=gradient_of(loss, theta))
        theta, state = optimizer.update(oracle, state, theta)
        path.append(theta)
    return torch.stack(path)


def follow_torch(make, losses, theta):
    """Walk as `follow` does, with a `torch.optim.Optimizer`."""
    parameter = torch.nn.Parameter(theta.clone())
    optimizer, path = make([parameter]), [theta]
    for loss in losses:
        optimizer.zero_grad()
        loss(parameter).backward()
        optimizer.step()
        path.append(parameter.detach().clone())
    return torch.stack(path)


class Instance:
    """A problem's start, data and draws for one seed, and the losses of its steps."""

    def __init__(self, problem, seed):
        generators = [torch.Generator().manual_seed(3 * seed + purpose) for purpose in range(3)]
        self.problem = problem
        self.start = problem.make_start(generators[0])
        self.own_data = problem.make_data(generators[1])
        self.data = self.own_data if self.own_data is not None else problem.shared_data()
        self.draws = problem.make_draws(generators[2], STEPS)

    def losses(self, full):
        return losses_of(self.problem, self.data, self.draws, full)


def losses_of(problem, data, draws, full):
    """Give each step's loss as a function of theta alone."""
    if full or draws is None:
        return [lambda theta: problem.objective(theta, data)] * STEPS
    return [lambda theta, draw=draw: problem.loss(theta, data, draw) for draw in draws]


def lanes_of(instances):
    """Stack instances as `[seeds, 1, …]`: starts, data, and draws as `[steps, seeds, 1, …]`."""
    first = instances[0]
    start = torch.stack([instance.start for instance in instances])[:, None]
    data, draws = first.data, first.draws
    if first.own_data is not None:
        leaves = zip(*(instance.data for instance in instances), strict=True)
        data = type(first.data)(*(torch.stack(leaf)[:, None] for leaf in leaves))
    if draws is not None:
        draws = torch.stack([instance.draws for instance in instances], dim=1)[:, :, None]
    return start, data, draws


@pytest.fixture(params=PROBLEMS)
def problem(request):
    """Each kind of problem: exact, noisy, with data of its own, with mini-batches."""
    return PROBLEMS[request.param]


@pytest.fixture
def assert_same_path(problem):
    """Compare a factory's path with a reference's, for single trials and for seeds × settings in one batch.

    `reference(losses, theta, setting)` gives the path of a single trial.
    """

    def compare(factory, settings, reference):
        instances = [Instance(problem, seed) for seed in (1, 2)]
        full = factory().full_batch
        expected = torch.stack(
            [
                torch.stack([reference(one.losses(full), one.start, setting) for setting in settings], dim=1)
                for one in instances
            ],
            dim=1,
        )
        assert expected.isfinite().all()
        alone = follow(factory(**settings[0]), instances[0].losses(full), instances[0].start)
        torch.testing.assert_close(alone, expected[:, 0, 0], **TOLERANCE)

        start, data, draws = lanes_of(instances)
        columns = {
            name: torch.tensor([setting[name] for setting in settings], dtype=torch.float64)[None, :, None]
            for name in settings[0]
        }
        theta = start.expand(-1, len(settings), -1)
        lanes = follow(factory(**columns), losses_of(problem, data, draws, full), theta)
        torch.testing.assert_close(lanes, expected, **TOLERANCE)

    return compare


@pytest.fixture
def assert_same_path_as_torch(assert_same_path):
    """Compare with a `torch.optim` class: `make(parameters, setting)` builds it for one setting."""

    def compare(factory, settings, make):
        def reference(losses, theta, setting):
            return follow_torch(lambda parameters: make(parameters, setting), losses, theta)

        assert_same_path(factory, settings, reference)

    return compare


@pytest.fixture
def quadratic_path():
    """Follow an optimizer on the course's quadratic, ½ (θ₁² + 100 θ₂²), from (2, 2): `[steps + 1, 2]`."""

    def follow_on_quadratic(optimizer, steps):
        problem = Quadratic(start=2.0)
        data = problem.shared_data()
        theta = problem.make_start(torch.Generator())
        return follow(optimizer, [lambda point: problem.objective(point, data)] * steps, theta)

    return follow_on_quadratic
