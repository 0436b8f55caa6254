"""Problems written for a single trial whose loss draws random numbers, as `nn.Dropout` does: these become draws."""

import copy
import functools
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor
from torch.utils import _pytree as pytree  # as in the engine

from benchbed.interfaces.modules.forward import ForwardPass, RandomCall, record_calls, replay, without_noise
from benchbed.interfaces.modules.problem import ModuleProblem
from benchbed.interfaces.problem import Data, Problem
from benchbed.seeds import seeded_modules


class NoisyDraw(NamedTuple):
    """The draws of one step, or of several."""

    draw: Data
    """Those of the problem itself."""
    noise: tuple[Tensor, ...]
    """Numbers of each random operation of the loss, such as masks of dropout."""


class DrawnNoise(Problem):
    """Methods of a problem whose loss draws random numbers; a base class before the class of the problem."""

    _random_calls: tuple[RandomCall, ...] = ()

    def make_draws(self, generator: Generator, steps: int) -> NoisyDraw:
        """Draw what the problem draws and, after it, the numbers of the random operations."""
        draw = super().make_draws(generator, steps)
        return NoisyDraw(draw, tuple(call.draw(generator, steps) for call in self._random_calls))

    def loss(self, theta: Tensor, data: Data, draw: Data) -> Tensor:
        """Return the loss with the drawn numbers."""
        if not isinstance(draw, NoisyDraw):  # a call by another method of the problem, whose numbers it takes
            return super().loss(theta, data, draw)
        with ForwardPass(replay(draw.noise)):
            return super().loss(theta, data, draw.draw)

    def full_batch_loss(self, theta: Tensor, data: Data) -> Tensor:
        """Return the loss over all samples without noise."""
        with ForwardPass(without_noise):
            return super().full_batch_loss(theta, data)


@functools.lru_cache(maxsize=64)
def with_drawn_noise(problem: Problem) -> Problem:
    """Return the problem itself, or an equal one whose draws contain the random numbers of its loss.

    One step of a single trial shows which these are. A `ModuleProblem`, and a problem with buffers, draws by itself.
    """
    draws_itself = isinstance(problem, ModuleProblem) or any(
        getattr(type(problem), name) is not getattr(Problem, name)
        for name in ("make_buffers", "step_of_blocks")
    )
    if draws_itself or not problem.per_trial:
        return problem
    random_calls = _random_calls_of(problem)
    if not random_calls:
        return problem
    noisy = copy.copy(problem)
    object.__setattr__(noisy, "__class__", _noisy_class(type(problem)))  # the dataclass is frozen
    object.__setattr__(noisy, "_random_calls", random_calls)
    return noisy


@functools.cache
def _noisy_class(problem_class: type[Problem]) -> type[Problem]:
    """Return a subclass that has the name and the file of the class, by which references and messages know it."""
    names = {name: getattr(problem_class, name) for name in ("__module__", "__qualname__", "__doc__")}
    metaclass: Any = type(problem_class)
    noisy_class: type[Problem] = metaclass(problem_class.__name__, (DrawnNoise, problem_class), names)
    return noisy_class


def _random_calls_of(problem: Problem) -> tuple[RandomCall, ...]:
    """Run the loss of one trial, and return its random operations; none if it raises, as its trials will."""
    calls: list[RandomCall] = []
    generator, dtype = Generator().manual_seed(0), getattr(torch, problem.dtype)

    def in_run(leaf: object) -> object:
        return leaf.to(dtype) if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf

    try:
        with seeded_modules(0), torch.no_grad():
            theta, data = problem.make_start(generator), problem.shared_data()
            data = problem.make_data(generator) if data is None else data
            draws = problem.make_draws(generator, 1)
            draw = pytree.tree_map(lambda leaf: leaf[0] if isinstance(leaf, Tensor) else leaf, draws)
            theta, data, draw = pytree.tree_map(in_run, (theta, data, draw))
            with ForwardPass(record_calls(calls)):
                problem.loss(theta, data, draw)
    except (Exception, SystemExit):  # noqa: BLE001 (a plugin may raise anything; the trials raise and record it)
        return ()
    return tuple(calls)
