"""A transformed problem is the original one at another point, for lanes, single trials, networks and torch classes."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from benchbed.engine.sampling import Instances
from benchbed.interfaces import ModuleProblem, Problem, TransformedProblem
from benchbed.interfaces.transforms import DelegatingProblem, original_of
from benchbed.seeds import InstanceSeed
from benchbed.testing import check_problem
from benchbed_problems.noisy_quadratic import NoisyQuadratic
from benchbed_problems.quadratic import Quadratic


@dataclass(frozen=True)
class Moved(TransformedProblem):
    """Add a random number to all coordinates."""

    def make_own(self, generator):
        return torch.randn(1, generator=generator, dtype=torch.float64)

    def to_original(self, theta, own):
        return theta - own

    def from_original(self, theta, own):
        return theta + own


@dataclass(frozen=True)
class MovedAlike(Moved):
    """Add the same number in all instances."""

    def shared_own(self):
        return self.make_own(torch.Generator().manual_seed(0))


@dataclass(frozen=True)
class SmallNetwork(ModuleProblem):
    """A network with dropout and running statistics."""

    def make_network(self):
        return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Dropout(0.2), nn.Linear(3, 1))

    def make_data(self):
        inputs = torch.linspace(-1, 1, 256).view(128, 2)
        return (inputs, inputs.sum(1, keepdim=True).sin()), (inputs[:16], inputs[:16].sum(1, keepdim=True))

    def loss_of(self, outputs, targets):
        return (outputs - targets).square().mean()


@dataclass(frozen=True)
class Dropped(Quadratic):
    """A quadratic for a single trial, which draws by itself."""

    per_trial = True

    def loss(self, theta, data, draw):
        return self.objective(nn.functional.dropout(theta, 0.1), data)


def instances(problem):
    return Instances(problem, [InstanceSeed(0, "quadratic", "evaluation", number) for number in range(3)])


@pytest.mark.parametrize("transform", [Moved, MovedAlike])
@pytest.mark.parametrize(
    "original", [Quadratic(), NoisyQuadratic(dimension=3), SmallNetwork(), Dropped()], ids=lambda p: type(p).__name__
)  # fmt: skip
def test_it_conforms(transform, original):
    """Whether data are shared or not, in both parts, around networks and losses with dropout."""
    check_problem(transform(original))
    check_problem(transform(Moved(original)))


def test_data_that_instances_share_are_not_copied():
    """Not even if the data of the transform differ between them."""
    spectrum = instances(Moved(Quadratic())).exact_data.original.eigenvalues
    assert spectrum.shape == (3, 1, 2)
    assert spectrum.untyped_storage().nbytes() == 16
    assert instances(MovedAlike(Quadratic())).shared


def test_every_member_of_problems_is_delegated():
    """A member that is forgotten would be the default of the class instead of that of the problem inside."""
    members = {name for name in vars(Problem) if not name.startswith("_")}
    assert members - vars(DelegatingProblem).keys() == set()


def test_the_facts_are_those_of_the_original_problem():
    """Without a list of them in each transform."""
    original, moved = NoisyQuadratic(), Moved(NoisyQuadratic())
    for name in (
        "budget",
        "targets",
        "success_target",
        "full_price",
        "workspace",
        "group",
        "dtype",
        "draw_block",
    ):
        assert getattr(moved, name) == getattr(original, name), name
    assert original_of(moved) == original


def test_metrics_see_the_original_point():
    """The validation loss of a network at a moved start is that of its start."""
    original, moved = instances(SmallNetwork()), instances(MovedAlike(SmallNetwork()))
    losses = [
        each.problem.metrics["validation-loss"](each.start[0], map_data(each)) for each in (original, moved)
    ]  # fmt: skip
    assert torch.allclose(*losses, rtol=1e-6)
    assert not torch.allclose(original.start, moved.start)


def map_data(of):
    """Return the data of the first trial."""
    data = of.data_of(slice(0, 1))
    return data._replace(buffers={name: leaf[0, 0] for name, leaf in data.buffers.items()})


def test_the_step_of_blocks_is_that_of_the_vector():
    """Torch classes step by it."""
    problem = MovedAlike(SmallNetwork())
    of = instances(problem)
    theta, data, draw = of.start[0], map_data(of), of.select([0]).draws.of_trial(0)
    loss, buffers = problem.step_of_blocks(problem.layout.views(theta), data, draw)
    assert torch.equal(loss, problem.loss(theta, data, draw))
    expected = problem.next_buffers(theta, data, draw)
    assert all(torch.equal(buffers[name], expected[name]) for name in expected)
