"""Check a problem: gradients by finite differences, batches against single trials, optimum, randomness."""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor

from benchbed.engine.oracle import batched
from benchbed.engine.pytrees import Tree, map_tensors
from benchbed.engine.sampling import Instances
from benchbed.gradients import reverse
from benchbed.interfaces import START_IN_BASIN, Problem
from benchbed.seeds import InstanceSeed
from benchbed.testing.claims import (
    TOLERANCE,
    ConformanceError,
    claim,
    claim_close,
    same_twice,
    untouched,
    without_global_randomness,
)

SEEDS, SETTINGS = 3, 4
DIRECTIONS = 8
"""Directions along which gradients are checked; a random one misses no wrong coordinate but by chance."""
STEPS = (1e-5, 1e-6, 1e-7)
"""Half-widths of central differences: the first is near the best between truncation and rounding in float64; where a
kink, of a ReLU for one, lies within it, there is none within a smaller one but by chance."""
DIFFERENCE_TOLERANCE = 1e-6
"""Relative error of such a difference, for losses whose third derivatives are not huge."""

Loss = Callable[[Tensor, Tree, Tree], Tensor]


class Scene:
    """Some instances of a problem in float64, and lanes `[seeds, settings, dimension]` around their starts."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.name = problem, type(problem).__name__
        seeds = [InstanceSeed(0, "conformance", "tuning", index) for index in range(SEEDS)]
        self.instances = Instances(problem, seeds, torch.device("cpu"), torch.float64)
        noise = torch.randn(
            SEEDS,
            SETTINGS,
            problem.layout.dimension,
            generator=Generator().manual_seed(2),
            dtype=torch.float64,
        )
        self.theta = self.instances.start[:, None] + 0.1 * noise
        self.draw = self.instances.draw(0)

    def data_of(self, seed: int) -> Tree:
        """Give the data of one instance, without leading dimensions."""
        return self.instances.data if self.instances.shared else _of(self.instances.data, seed)

    @property
    def functions(self) -> dict[str, Loss]:
        """Give the loss and the objective as functions of lanes."""
        objective = batched(self.problem, self.problem.objective)
        return {
            "loss": batched(self.problem, self.problem.loss),
            "objective": lambda theta, data, draw: objective(theta, data),
        }


def gradient_equals_differences(scene: Scene) -> None:
    """The gradient along random directions equals central finite differences."""
    generator = Generator().manual_seed(3)
    for name, function in scene.functions.items():
        data, draw = scene.instances.data, scene.draw

        def at(theta: Tensor, function: Loss = function, data: Tree = data, draw: Tree = draw) -> Tensor:
            return function(theta, data, draw)

        gradient = reverse(at, scene.theta)[1]
        for _ in range(DIRECTIONS):
            direction = torch.randn(scene.theta.shape, generator=generator, dtype=torch.float64)
            direction = direction / direction.norm(dim=-1, keepdim=True)
            slope = (gradient * direction).sum(-1)
            differences = [
                (at(scene.theta + step * direction) - at(scene.theta - step * direction)) / (2 * step)
                for step in STEPS
            ]
            what = f"{scene.name}: the gradient of its {name} against differences"
            claim_close(slope, _nearest(slope, differences), what, DIFFERENCE_TOLERANCE)


def _nearest(value: Tensor, candidates: Sequence[Tensor]) -> Tensor:
    """Give, lane by lane, the candidate nearest to `value`."""
    stacked = torch.stack(list(candidates))
    nearest = (stacked - value).abs().argmin(dim=0, keepdim=True)
    return stacked.gather(0, nearest)[0]


def is_the_same_alone(scene: Scene) -> None:
    """Loss and objective of a lane equal those of the trial alone, without leading dimensions."""
    for name in ("loss", "objective"):
        whole = scene.functions[name](scene.theta, scene.instances.data, scene.draw)
        claim(
            whole.shape == (SEEDS, SETTINGS),
            f"{scene.name}: its {name} gives {tuple(whole.shape)} for lanes {(SEEDS, SETTINGS)}",
        )
        for seed, setting in ((0, 0), (SEEDS - 1, SETTINGS - 1)):
            data, draw = scene.data_of(seed), _of(scene.draw, seed)
            theta = scene.theta[seed, setting]
            own = (
                scene.problem.loss(theta, data, draw)
                if name == "loss"
                else scene.problem.objective(theta, data)
            )
            claim_close(
                own, whole[seed, setting], f"{scene.name}: its {name} of a single trial", 100 * TOLERANCE
            )


def attains_its_optimum(scene: Scene) -> None:
    """No point lies below the declared optimum, and the declared minimizer attains it."""
    optimum = scene.instances.optimum()
    if optimum is None:
        return
    objective, data = scene.functions["objective"], scene.instances.data
    below = objective(scene.theta, data, None) < optimum - 1e-9 * optimum.abs().clamp(min=1)
    claim(not bool(below.any()), f"{scene.name}: the objective falls below its declared optimum")
    minimizer = scene.problem.minimizer(scene.instances.exact_data)
    if minimizer is not None:
        point = minimizer.expand(SEEDS, 1, -1)
        claim_close(
            objective(point, data, None), optimum, f"{scene.name}: the objective at its minimizer", 1e-9
        )


def is_random_only_by_its_generator(scene: Scene) -> None:
    """Start, data and draws are functions of the generator; losses use none."""
    problem = scene.problem
    for what in ("make_data", "make_draws"):

        def make(what: str = what) -> Tree:
            generator = Generator().manual_seed(4)
            return problem.make_data(generator) if what == "make_data" else problem.make_draws(generator, 5)

        with without_global_randomness(f"{scene.name}: {what}"):
            made = [make() for _ in range(2)]
        same_twice(f"{scene.name}: {what}", *made)
    for name, function in scene.functions.items():
        with without_global_randomness(f"{scene.name}: its {name}"):
            values = [function(scene.theta, scene.instances.data, scene.draw) for _ in range(2)]
        same_twice(f"{scene.name}: its {name}", *values)


def starts_in_its_layout(scene: Scene) -> None:
    """The start is a vector of the layout's dimension, finite, with a finite loss; the layout's views fit together."""
    layout = scene.problem.layout
    start = tuple(scene.instances.start.shape[1:])
    claim(
        start == (layout.dimension,),
        f"{scene.name}: make_start gives {start}, its layout has dimension {layout.dimension}",
    )
    claim(bool(torch.isfinite(scene.instances.start).all()), f"{scene.name}: a start is not finite")
    claim(
        torch.equal(layout.join(layout.views(scene.theta)), scene.theta),
        f"{scene.name}: its layout does not cover theta",
    )
    objective = scene.functions["objective"](scene.instances.start[:, None], scene.instances.data, None)
    claim(bool(torch.isfinite(objective).all()), f"{scene.name}: the objective at a start is not finite")


def writes_to_no_argument(scene: Scene) -> None:
    """Losses and metrics leave theta, data and draws as they are, and metrics give one number a lane."""
    data, draw = scene.instances.data, scene.draw
    with untouched(f"{scene.name}: a loss or metric", scene.theta, data, draw):
        for function in scene.functions.values():
            function(scene.theta, data, draw)
        for name, metric in scene.problem.metrics.items():
            value = batched(scene.problem, metric)(scene.theta, data)
            claim(
                value.shape == (SEEDS, SETTINGS),
                f"{scene.name}: metric {name!r} gives {tuple(value.shape)} for lanes {(SEEDS, SETTINGS)}",
            )


def tells_basins_lane_by_lane(scene: Scene) -> None:
    """Where `in_basin` says something, it is a bool a lane, the same alone, and true of the minimizer."""
    name, problem, data = scene.name, scene.problem, scene.instances.data
    claim(
        START_IN_BASIN not in problem.metrics,
        f"{name}: a metric has {START_IN_BASIN!r}, the name of in_basin",
    )
    if problem.in_basin(scene.theta[0, 0], scene.data_of(0)) is None:
        return

    def inside(theta: Tensor, data: Tree) -> Tensor:
        found = problem.in_basin(theta, data)
        if found is None or found.dtype != torch.bool or found.shape != theta.shape[:-1]:
            raise ConformanceError(f"{name}: in_basin gives no bool for each trial of {tuple(theta.shape)}")
        return found

    with untouched(f"{name}: in_basin", scene.theta, data):
        whole = batched(problem, inside)(scene.theta, data)
    for seed, setting in itertools.product(range(SEEDS), range(SETTINGS)):
        alone = inside(scene.theta[seed, setting], scene.data_of(seed))
        claim(bool(alone == whole[seed, setting]), f"{name}: in_basin says otherwise of a single trial")
    minimizer = problem.minimizer(scene.instances.exact_data)
    if minimizer is not None:
        at_rest = batched(problem, inside)(minimizer.expand(SEEDS, 1, -1), data)
        claim(bool(at_rest.all()), f"{name}: in_basin says that the minimizer lies outside")


Check = Callable[[Scene], None]
PROBLEM_CHECKS: tuple[Check, ...] = (
    starts_in_its_layout,
    is_the_same_alone,
    gradient_equals_differences,
    attains_its_optimum,
    is_random_only_by_its_generator,
    writes_to_no_argument,
    tells_basins_lane_by_lane,
)


def check_problem(problem: Problem) -> None:
    """Check a problem. Raises: ConformanceError at the first broken rule."""
    scene = Scene(problem)
    for check in PROBLEM_CHECKS:
        check(scene)


def _of(tree: Tree, seed: int) -> Tree:
    return map_tensors(lambda leaf: leaf[seed, 0], tree)
