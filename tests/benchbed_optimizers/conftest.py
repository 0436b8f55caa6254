"""Paths of optimizers on problems, for single trials and lanes, compared with reference implementations."""

import functools
import inspect
from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from benchbed.interfaces import Layout, Problem
from benchbed.interfaces.modules.datasets import ModuleDraw
from benchbed_problems.digits_mlp import DigitsMlp
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.runge import Runge
from benchbed_problems.weighted_quartic import WeightedQuartic

STEPS = 200
# Reordered float64 operations differ by about 1e-16 a step in coordinates of size one, less than this in 200 steps.
# Near a minimum RMSProp and Adam divide small gradients by their size, which amplifies rounding, so the learning
# rates of the tests are small enough not to converge.
TOLERANCE = {"rtol": 1e-12, "atol": 1e-12}


@dataclass(frozen=True)
class Blocks(Problem):
    """A loss of matrices and a vector whose gradient depends on all coordinates."""

    layout = Layout({"wide": (3, 5), "bias": (3,), "tall": (4, 2), "kernel": (2, 3, 2)})

    def make_start(self, generator):
        return torch.rand(self.layout.dimension, generator=generator, dtype=torch.float64) + 0.1

    def make_data(self, generator):
        return Weighted(*(self.make_start(generator) for _ in range(2)))

    def objective(self, theta, data):
        squares = (theta - data.target).square() * data.weights
        return squares.sum(-1) + theta.sin().sum(-1).square()


class Weighted(NamedTuple):
    """The minimum and the curvatures of squares."""

    target: Tensor
    weights: Tensor


class Digits:
    """`digits-mlp` on some images in float64, by its own loss for single trials and by a formula for lanes."""

    seeds = (1,)  # one seed and few images, because a path takes long
    samples = 256

    def __init__(self):
        self.problem = DigitsMlp()
        self.layout = self.problem.layout
        self.make_start = self.problem.make_start

    def make_data(self, generator):
        return None

    def shared_data(self):
        data = self.problem.shared_data()
        images, labels = data.training
        return data._replace(training=(images[: self.samples].double(), labels[: self.samples]))

    def make_draws(self, generator, steps):
        return torch.randint(self.samples, (steps, 64), generator=generator)

    def loss(self, theta, data, draw):
        if theta.dim() == 1:
            return self.problem.loss(theta, data, ModuleDraw(draw, ()))
        images, labels = data.training
        return self.loss_of_lanes(theta, images[draw], labels[draw])

    def objective(self, theta, data):
        if theta.dim() == 1:
            return self.problem.objective(theta, data)
        return self.loss_of_lanes(theta, *data.training)

    def loss_of_lanes(self, theta, images, labels):
        weight1, bias1, weight2, bias2 = self.layout.views(theta).values()
        hidden = (images @ weight1.mT + bias1[..., None, :]).relu()
        logits = hidden @ weight2.mT + bias2[..., None, :]
        labels = labels.expand(logits.shape[:-1])
        losses = cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="none")
        return losses.view(labels.shape).mean(-1)


PROBLEMS = {
    "quadratic": Quadratic(),
    "blocks": Blocks(),
    "quartic": Quartic(gradient_noise=0.5),
    "weighted-quartic": WeightedQuartic(dimension=3),
    "runge": Runge(features=6),
    "network": PolynomialNetwork(dimension=3, samples=64, hidden=(6, 5), batch_size=8),
    "digits-mlp": Digits(),
}


def gradient_of(function, theta):
    """Differentiate every lane; the lanes of a sum are independent."""
    theta = theta.detach().requires_grad_()
    return torch.autograd.grad(function(theta).sum(), theta)[0]


class PathOracle(SimpleNamespace):
    """The oracle of one step."""

    @classmethod
    def on(cls, loss, theta, number, steps):
        """Return the oracle of step `number` of `steps`, on a loss."""
        step = torch.full_like(theta[..., :1], number)
        values = {"loss": loss(theta), "gradient": gradient_of(loss, theta)}
        return cls(function=loss, step=step, progress=step / steps, **values)

    def at(self, point, where=None):
        """Evaluate at another point; the lanes outside `where` receive NaN, and only the others are counted."""
        loss, gradient = self.function(point), gradient_of(self.function, point)
        self.calls = getattr(self, "calls", 0) + (torch.ones_like(loss) if where is None else where)
        if where is None:
            return loss, gradient
        return torch.where(where, loss, torch.nan), torch.where(where[..., None], gradient, torch.nan)

    def map(self, change):
        """Change the gradient."""
        return PathOracle(**{**vars(self), "gradient": change(self.gradient)})


def follow(optimizer, losses, theta):
    """Run one step on each loss and return all points: `[steps + 1, ..., dimension]`."""
    state, path = optimizer.init(theta), [theta]
    for number, loss in enumerate(losses):
        oracle = PathOracle.on(loss, theta, number, len(losses))
        theta, state = optimizer.update(oracle, state, theta)
        path.append(theta)
    return torch.stack(path)


def steps_on_blocks(make, losses, path, layout):
    """Step from each point of a path with reference optimizers on the blocks: `[steps, dimension]`.

    `make(matrices, others)` lists the optimizers, for lists of parameters.
    """

    def blocks_at(theta):
        return [view.flatten(1) if view.dim() > 1 else view for view in layout.views(theta).values()]

    blocks = [torch.nn.Parameter(block.clone()) for block in blocks_at(path[0])]
    optimizers = make(
        [block for block in blocks if block.dim() > 1], [block for block in blocks if block.dim() < 2]
    )
    points = []
    for loss, theta in zip(losses, path[:-1], strict=True):
        for block, values in zip(blocks, blocks_at(theta), strict=True):
            block.data = values.clone()
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss(torch.cat([block.flatten() for block in blocks])).backward()
        for optimizer in optimizers:
            optimizer.step()
        points.append(torch.cat([block.detach().flatten() for block in blocks]))
    return torch.stack(points)


def follow_torch(make, losses, theta, layout):
    """Run a `torch.optim.Optimizer` on the blocks as `follow` runs an optimizer."""
    blocks = {name: torch.nn.Parameter(view.clone()) for name, view in layout.views(theta).items()}
    optimizer, path = make(list(blocks.values())), [theta]
    for loss in losses:
        optimizer.zero_grad()
        loss(layout.join(blocks)).backward()
        optimizer.step()
        path.append(layout.join(blocks).detach())
    return torch.stack(path)


class Instance:
    """Start, data, draws and losses of a problem for one seed."""

    def __init__(self, problem, seed):
        generators = [torch.Generator().manual_seed(3 * seed + purpose) for purpose in range(3)]
        self.problem = problem
        self.start = problem.make_start(generators[0])
        self.seed_data = problem.make_data(generators[1])
        self.data = self.seed_data if self.seed_data is not None else problem.shared_data()
        self.draws = problem.make_draws(generators[2], STEPS)

    def losses(self, full):
        return losses_of(self.problem, self.data, self.draws, full)


def losses_of(problem, data, draws, full):
    """List the loss of each step as a function of theta."""
    if full or draws is None:
        return [lambda theta: problem.objective(theta, data)] * STEPS
    return [lambda theta, draw=draw: problem.loss(theta, data, draw) for draw in draws]


def lanes_of(instances):
    """Stack starts and data of instances as `[seeds, 1, …]`, and draws as `[steps, seeds, 1, …]`."""
    first = instances[0]
    start = torch.stack([instance.start for instance in instances])[:, None]
    data, draws = first.data, first.draws
    if first.seed_data is not None:
        leaves = zip(*(instance.data for instance in instances), strict=True)
        data = type(first.data)(*(torch.stack(leaf)[:, None] for leaf in leaves))
    if draws is not None:
        draws = torch.stack([instance.draws for instance in instances], dim=1)[:, :, None]
    return start, data, draws


def follow_lanes(factory, settings, instances, full):
    """Run all settings on all instances at once: `[steps + 1, seeds, settings, dimension]`."""
    start, data, draws = lanes_of(instances)
    columns = {
        name: torch.tensor([setting[name] for setting in settings], dtype=torch.float64)[None, :, None]
        for name in settings[0]
    }
    theta = start.expand(-1, len(settings), -1)
    return follow(factory(**columns), losses_of(instances[0].problem, data, draws, full), theta)


SLOW_PROBLEMS = ("network", "digits-mlp")


@pytest.fixture
def problems():
    """All problems by name."""
    return PROBLEMS


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.slow if name in SLOW_PROBLEMS else ()) for name in PROBLEMS]
)
def problem(request):
    """Each kind of problem: exact, noisy, with several blocks, with data per instance, with mini-batches."""
    if request.param == "digits-mlp":
        pytest.importorskip("sklearn")
    return PROBLEMS[request.param]


def compare_paths(problem, factory, settings, reference, tolerance=TOLERANCE):
    """Compare the path of an optimizer on a problem with `reference(losses, theta, setting)`, single and in lanes."""
    if "layout" in inspect.signature(factory).parameters:
        factory = functools.partial(factory, layout=problem.layout)
    instances = [Instance(problem, seed) for seed in getattr(problem, "seeds", (1, 2))]
    full = factory().full_batch
    expected = torch.stack(
        [
            torch.stack(
                [reference(instance.losses(full), instance.start, setting) for setting in settings], dim=1
            )
            for instance in instances
        ],
        dim=1,
    )
    assert expected.isfinite().all()
    single = follow(factory(**settings[0]), instances[0].losses(full), instances[0].start)
    torch.testing.assert_close(single, expected[:, 0, 0], **tolerance)

    lanes = follow_lanes(factory, settings, instances, full)
    torch.testing.assert_close(lanes, expected, **tolerance)


@pytest.fixture
def assert_same_path(problem):
    """Return a function that compares a factory's path with a reference, for single trials and for lanes.

    `reference(losses, theta, setting)` returns the path of a single trial.
    """
    return functools.partial(compare_paths, problem)


def compare_steps(problem, factory, settings, reference, tolerance=TOLERANCE):
    """Compare the steps of paths with `reference(losses, path, setting)`, for single trials and for lanes.

    It returns the point after each but the last point of the path: `[steps, dimension]`.
    """
    instances = [Instance(problem, seed) for seed in getattr(problem, "seeds", (1, 2))]
    full = factory(**settings[0]).full_batch
    single = follow(factory(**settings[0]), instances[0].losses(full), instances[0].start)
    lanes = follow_lanes(factory, settings, instances, full)
    trials = [(single, 0, 0)]
    trials += [(lanes[:, i, j], i, j) for i in range(len(instances)) for j in range(len(settings))]
    for path, seed, setting in trials:
        expected, rounding = reference(instances[seed].losses(full), path, settings[setting]), 0.0
        if isinstance(expected, tuple):
            expected, rounding = expected
        assert expected.isfinite().all()
        compared = path[1:].where((path[1:] - expected).abs() > rounding, expected)
        torch.testing.assert_close(compared, expected, **tolerance)


@pytest.fixture(params=["blocks", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW_PROBLEMS)])
def assert_same_steps_on_blocks(request):
    """Return a function that compares the steps of an optimizer of matrices with those of references on the blocks.

    `make(matrices, others, setting)` lists the references; `of_digits` is the tolerance on `digits-mlp`, by default the
    same; `statics` are hyperparameters that lanes share.
    """
    if request.param == "digits-mlp":
        pytest.importorskip("sklearn")
    problem = PROBLEMS[request.param]

    def compare(factory, settings, make, tolerance, of_digits=None, **statics):
        if request.param == "digits-mlp" and of_digits is not None:
            tolerance = of_digits

        def reference(losses, path, setting):
            def make_all(matrices, others):
                return make(matrices, others, setting)

            return steps_on_blocks(make_all, losses, path, problem.layout)

        bound = functools.partial(factory, problem.layout, **statics)
        compare_steps(problem, bound, settings, reference, {"rtol": tolerance, "atol": tolerance})

    return compare


@pytest.fixture
def assert_steps_obey(problem):
    """Return a function that compares each step of a path with a formula, for single trials and for lanes.

    `formula(losses, points, setting)` returns the point after `points`, the path of a trial so far, or a pair with a
    bound of the rounding of this step. Rules whose paths amplify rounding are compared in this way.
    """

    def compare(factory, settings, formula):
        def reference(losses, path, setting):
            steps = [formula(losses, path[: number + 1], setting) for number in range(len(losses))]
            if isinstance(steps[0], tuple):
                return tuple(map(torch.stack, zip(*steps, strict=True)))
            return torch.stack(steps)

        compare_steps(problem, factory, settings, reference)

    return compare


@pytest.fixture
def assert_same_path_as_torch(assert_same_path, problem):
    """Return a function that compares with a `torch.optim` class, built by `make(parameters, setting)`."""

    def compare(factory, settings, make):
        def reference(losses, theta, setting):
            return follow_torch(lambda parameters: make(parameters, setting), losses, theta, problem.layout)

        assert_same_path(factory, settings, reference)

    return compare


@pytest.fixture
def assert_same_path_as_loop(assert_same_path):
    """Return a function that compares with a loop: `step(g, theta, t, memory, setting, gradient_at)` returns theta."""

    def compare(factory, settings, step):
        def reference(losses, theta, setting):
            path, memory = [theta], {}
            for t, loss in enumerate(losses, start=1):
                gradient_at = functools.partial(gradient_of, loss)
                theta = step(gradient_at(theta), theta, t, memory, setting, gradient_at)
                path.append(theta)
            return torch.stack(path)

        assert_same_path(factory, settings, reference)

    return compare


@pytest.fixture
def oracle_of():
    """Return a function that builds an oracle of a linear loss with a gradient, at a share of the budget."""

    def build(gradient, progress=0.0):
        share = torch.full_like(gradient[..., :1], progress)
        zeros = torch.zeros_like(share)
        return PathOracle(
            gradient=gradient, loss=zeros[..., 0], progress=share, step=zeros,
            function=lambda point: (gradient * point).sum(-1),
        )  # fmt: skip

    return build


@pytest.fixture
def follow_losses():
    """Return a function that runs one step of an optimizer on each loss: `[steps + 1, ..., dimension]`."""
    return follow


@pytest.fixture
def oracle_on():
    """Return a function that builds the oracle of a first step on a loss at a point; its `calls` are those of `at`."""
    return lambda loss, theta: PathOracle.on(loss, theta, number=0, steps=1)


@pytest.fixture
def quadratic_path():
    """Return a function that runs an optimizer on ½ (θ₁² + 100 θ₂²) from (2, 2): `[steps + 1, 2]`."""

    def follow_on_quadratic(optimizer, steps):
        problem = Quadratic(start=2.0)
        data = problem.shared_data()
        theta = problem.make_start(torch.Generator())
        return follow(optimizer, [lambda point: problem.objective(point, data)] * steps, theta)

    return follow_on_quadratic
