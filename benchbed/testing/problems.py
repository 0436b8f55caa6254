"""Checks of a problem: gradients against finite differences, lanes against single trials, optimum, randomness."""

import itertools
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from benchbed.engine.oracle import batched, join_lane_data, split_lane_data
from benchbed.engine.pytrees import Tree, map_tensors
from benchbed.engine.sampling import Instances
from benchbed.engine.trial_comparison import ADVICE, unwritten
from benchbed.errors import ContractError
from benchbed.gradients import reverse
from benchbed.interfaces import START_IN_BASIN, Problem
from benchbed.interfaces.modules.drawn_noise import with_drawn_noise
from benchbed.seeds import InstanceSeed
from benchbed.testing import assertions
from benchbed.testing.assertions import require, require_close, require_equal
from benchbed.testing.claims import Claim, check_claims, claims_of

LANES = (3, 4)
"""Seeds and settings of the points at which a problem is checked."""
DIRECTIONS = 8
"""Random directions along which gradients are checked; each sees errors in all coordinates."""
STEPS = (1e-5, 1e-6, 1e-7)
"""Half-widths of central differences. The first nearly minimizes truncation plus rounding in float64; the others avoid
kinks, such as those of a ReLU."""
DIFFERENCE_TOLERANCE = 1e-6
"""Relative error of such a difference, for losses with moderate third derivatives."""

LaneLoss = Callable[[Tensor, Tree, Tree], Tensor]


class ProblemUnderTest:
    """Instances of a problem in float64, and points `[seeds, settings, dimension]` around their starts."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.name = with_drawn_noise(problem), type(problem).__name__
        seeds = [InstanceSeed(0, "conformance", "tuning", index) for index in range(LANES[0])]
        self.instances = Instances(self.problem, seeds)
        shape, generator = (*LANES, problem.layout.dimension), Generator().manual_seed(2)
        noise = torch.randn(shape, generator=generator, dtype=torch.float64)
        self.theta = self.instances.start[:, None] + 0.1 * noise
        self.draw, self.data = self.instances.draws.at(0), self.instances.data_of(slice(None))

    def data_of(self, seed: int) -> Tree:
        """Return the data of one instance, without leading dimensions."""
        shared = self.instances.shared
        return join_lane_data(self.data, _instance_of(split_lane_data(self.data, shared), seed), shared)

    @property
    def functions(self) -> dict[str, LaneLoss]:
        """Loss and objective as functions of lanes."""
        objective = batched(self.problem, self.problem.objective)
        return {
            "loss": batched(self.problem, self.problem.loss),
            "objective": lambda theta, data, draw: objective(theta, data),
        }


def check_gradient(subject: ProblemUnderTest) -> None:
    """Check that gradients agree with central finite differences along random directions."""
    generator = Generator().manual_seed(3)
    for name, function in subject.functions.items():

        def at(theta: Tensor, function: LaneLoss = function) -> Tensor:
            return function(theta, subject.data, subject.draw)

        _require_one_value_a_lane(name, at(subject.theta))
        gradient = reverse(at, subject.theta)[1]
        for _ in range(DIRECTIONS):
            direction = torch.randn(subject.theta.shape, generator=generator, dtype=torch.float64)
            direction = direction / direction.norm(dim=-1, keepdim=True)
            slope = (gradient * direction).sum(-1)
            differences = [
                (at(subject.theta + step * direction) - at(subject.theta - step * direction)) / (2 * step)
                for step in STEPS
            ]
            stacked = torch.stack(differences)
            nearest = stacked.gather(0, (stacked - slope).abs().argmin(dim=0, keepdim=True))[0]
            message = f"the gradient of its {name} against differences"
            remedy = "compute it from theta by torch alone, without `.detach()`, `.item()` or NumPy"
            require_close(slope, nearest, message, DIFFERENCE_TOLERANCE, remedy)


def check_single_trial(subject: ProblemUnderTest) -> None:
    """Check that loss and objective of a lane equal those of the single trial without leading dimensions."""
    problem = subject.problem
    for name, function in subject.functions.items():
        expected = function(subject.theta, subject.data, subject.draw)
        _require_one_value_a_lane(name, expected)
        for seed, setting in ((0, 0), (LANES[0] - 1, LANES[1] - 1)):
            data, draw = subject.data_of(seed), _instance_of(subject.draw, seed)
            theta = subject.theta[seed, setting]
            value = problem.loss(theta, data, draw) if name == "loss" else problem.objective(theta, data)
            tolerance = 100 * assertions.TOLERANCE
            require_close(value, expected[seed, setting], f"its {name} of a single trial", tolerance, ADVICE)


def check_optimum(subject: ProblemUnderTest) -> None:
    """Check that no point lies below the optimum, and the minimizer attains it."""
    optimum = subject.instances.optimum()
    if optimum is None:
        return
    objective, data = subject.functions["objective"], subject.data
    below = objective(subject.theta, data, None) < optimum - 1e-9 * optimum.abs().clamp(min=1)
    require(not bool(below.any()), "the objective falls below its optimum")
    minimizer = subject.problem.minimizer(subject.instances.exact_data)
    if minimizer is not None:
        value = objective(minimizer.expand(LANES[0], 1, -1), data, None)
        require_close(value, optimum, "the objective at its minimizer", 1e-9)


def check_convexity(subject: ProblemUnderTest) -> None:
    """Check that the objective of a problem with `is_convex` never lies above its chords, at their middles."""
    if not subject.problem.is_convex:
        return
    objective, points = subject.functions["objective"], subject.theta
    for others in (-points.roll(1, dims=1), 3 * points.roll(1, dims=1)):
        mean = (objective(points, subject.data, None) + objective(others, subject.data, None)) / 2
        middle = objective((points + others) / 2, subject.data, None)
        is_below = middle <= mean + 1e-9 * mean.abs().clamp(min=1)
        require(bool(is_below.all()), "is_convex is True, but the objective lies above one of its chords")


def check_randomness(subject: ProblemUnderTest) -> None:
    """Check that data and draws depend only on the generator, and losses are deterministic."""
    problem = subject.problem
    methods: dict[str, Callable[[Generator], Tree]] = {
        "make_draws": lambda generator: problem.make_draws(generator, 5),
    }
    if subject.instances.shared:
        methods["shared_data"] = lambda _: problem.shared_data()
    else:
        methods["make_data"] = problem.make_data
    for name, method in methods.items():
        with assertions.without_global_randomness(name):
            first, second = (method(Generator().manual_seed(4)) for _ in range(2))
        require_equal(first, second, f"{name} differs when called again with an equal generator")
    for name, function in subject.functions.items():
        with assertions.without_global_randomness(f"its {name}"):
            first, second = (function(subject.theta, subject.data, subject.draw) for _ in range(2))
        require_equal(first, second, f"its {name} differs when called again with equal arguments")


def check_start(subject: ProblemUnderTest) -> None:
    """Check that objectives at starts are finite and the layout covers theta.

    `Instances` checks the shape and the dtype of starts.
    """
    layout, start = subject.problem.layout, subject.instances.start
    covered = layout.join(layout.views(subject.theta))
    require(torch.equal(covered, subject.theta), "its layout does not cover theta")
    objective = subject.functions["objective"](start[:, None], subject.data, None)
    require(bool(torch.isfinite(objective).all()), "the objective at a start is not finite")


def check_no_writes(subject: ProblemUnderTest) -> None:
    """Check that losses and metrics do not write to arguments, and metrics return one number a lane."""
    data, draw = subject.data, subject.draw
    with unwritten("a loss or metric", subject.theta, data, draw):
        for function in subject.functions.values():
            function(subject.theta, data, draw)
        for name, metric in subject.problem.metrics.items():
            shape = tuple(batched(subject.problem, metric)(subject.theta, data).shape)
            require(shape == LANES, f"metric {name!r} returns {shape} for lanes {LANES}")


def check_basin(subject: ProblemUnderTest) -> None:
    """Check that `in_basin` returns None or a bool a lane, the same for single trials, and true at the minimizer."""
    problem, data = subject.problem, subject.data
    is_free = START_IN_BASIN not in problem.metrics
    require(is_free, f"a metric is named {START_IN_BASIN!r}, which is reserved for in_basin")
    if problem.in_basin(subject.theta[0, 0], subject.data_of(0)) is None:
        return

    def inside(theta: Tensor, data: Tree) -> Tensor:
        is_inside = problem.in_basin(theta, data)
        if is_inside is None or is_inside.dtype != torch.bool or is_inside.shape != theta.shape[:-1]:
            message = f"in_basin must return one bool for each trial of {tuple(theta.shape)}"
            raise assertions.ConformanceError(message)
        return is_inside

    with unwritten("in_basin", subject.theta, data):
        expected = batched(problem, inside)(subject.theta, data)
    for seed, setting in itertools.product(*map(range, LANES)):
        single = inside(subject.theta[seed, setting], subject.data_of(seed))
        require(bool(single == expected[seed, setting]), "in_basin differs for a single trial")
    minimizer = problem.minimizer(subject.instances.exact_data)
    if minimizer is not None:
        at_minimizer = batched(problem, inside)(minimizer.expand(LANES[0], 1, -1), data)
        require(bool(at_minimizer.all()), "in_basin excludes the minimizer")


ProblemCheck = Callable[[ProblemUnderTest], None]
PROBLEM_CHECKS: tuple[ProblemCheck, ...] = (
    check_start,
    check_single_trial,
    check_gradient,
    check_optimum,
    check_convexity,
    check_randomness,
    check_no_writes,
    check_basin,
)


def problem_claims(problem: Problem) -> list[Claim]:
    """Return the claims about a problem. Raises: ConformanceError if its instances cannot be built."""
    try:
        return claims_of(ProblemUnderTest(problem), PROBLEM_CHECKS)
    except ContractError as error:
        raise assertions.ConformanceError(f"{type(problem).__name__}: {error}") from error


def check_problem(problem: Problem) -> None:
    """Check a problem.

    Raises: ConformanceError at the first broken rule.
    """
    check_claims(problem_claims(problem))


def _require_one_value_a_lane(name: str, values: Tensor) -> None:
    shape = tuple(values.shape)
    require(shape == LANES, f"its {name} returns {shape} for lanes {LANES}; {ADVICE}")


def _instance_of(tree: Tree, seed: int) -> Tree:
    return map_tensors(lambda leaf: leaf[seed, 0], tree)
