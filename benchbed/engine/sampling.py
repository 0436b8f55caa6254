"""Draw what the steps of a tile see, in blocks with generators of their own (protocol, rule 2)."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.engine.pytrees import Tree, leaves, map_tensors
from benchbed.interfaces import Gradient, Problem
from benchbed.seeds import DRAW_BLOCK, InstanceSeed, Purpose


class Draws(NamedTuple):
    """What a step draws, or several steps; a part in which nothing is random is None."""

    loss: Tree = None
    """The problem's: a mini-batch, or noise."""
    gradient: Tree = None
    """The gradient's: a direction."""


Make = Callable[[InstanceSeed, int], Tree]
"""An instance's seed and the number of a block -> its draws, `[steps, …]` on the CPU."""


class Blocks:
    """The draws of some seeds, a block of steps at a time; a step's are `[seeds, 1, …]`.

    A generator gives other numbers when it is asked in other portions: whole blocks make a step's draws the same
    whoever asks for them.
    """

    def __init__(self, make: Make, seeds: Sequence[InstanceSeed], place: Callable[[Tensor], Tensor]) -> None:
        self._make, self._seeds, self._place = make, tuple(seeds), place
        self._block = -1
        self._draws: Tree = None

    def at(self, step: int) -> Tree:
        """Give what `step` (from 0) sees, `[seeds, 1, …]`, or None where nothing is drawn."""
        offset = self._load(step)
        return map_tensors(lambda draws: draws[offset], self._draws)

    def between(self, start: int, stop: int) -> Tree:
        """Give what the steps from `start` until before `stop` see, `[steps, seeds, 1, …]`; all within one block."""
        offset = self._load(start)
        return map_tensors(lambda draws: draws[offset : offset + stop - start], self._draws)

    def select(self, kept: Sequence[int]) -> "Blocks":
        """Keep the seeds at these positions."""
        chosen = Blocks(self._make, [self._seeds[position] for position in kept], self._place)
        chosen._block = self._block
        chosen._draws = map_tensors(
            lambda draws: draws[:, torch.as_tensor(kept, device=draws.device)], self._draws
        )
        return chosen

    def _load(self, step: int) -> int:
        """Make the block of `step`, unless it is there, and give the place of `step` in it."""
        block, offset = divmod(step, DRAW_BLOCK)
        if block != self._block:
            self._block, self._draws = -1, None  # gone before there are others
            self._draws = map_tensors(self._place, self._drawn(block))
            self._block = block
        return offset

    def _drawn(self, block: int) -> Tree:
        """Draw a block seed by seed into one tensor, `[steps, seeds, 1, …]`: never are there two of all."""
        first = self._make(self._seeds[0], block)
        whole = map_tensors(
            lambda one: one.new_empty(one.shape[0], len(self._seeds), 1, *one.shape[1:]), first
        )
        for place, seed in enumerate(self._seeds):
            one = self._make(seed, block) if place else first
            for into, made in zip(leaves(whole), leaves(one), strict=True):
                _fill(into[:, place, 0], made)
        return whole


def _fill(into: Tensor, made: Tensor) -> None:
    if into.shape != made.shape:  # which copying would stretch without a word
        raise ValueError(
            f"make_draws gives {tuple(made.shape)} for one seed and {tuple(into.shape)} for another; give one shape"
        )
    into.copy_(made)


class Instances:
    """The instances of some seeds: `start: [seeds, dimension]`, `data` and the draws of each step.

    Everything random is drawn on the CPU in float64 and then moved, so that an instance is the same on every
    device, in every dtype and in every batch (protocol, rule 2).
    """

    def __init__(
        self, problem: Problem, seeds: Sequence[InstanceSeed], device: torch.device, dtype: torch.dtype
    ) -> None:
        self.problem, self.seeds, self.device, self.dtype = problem, tuple(seeds), device, dtype
        self._place = functools.partial(_place, device=device, dtype=dtype)
        self.exact_data = _make_data(problem, seeds)
        self.shared = shared_data(problem) is not None
        self.data = map_tensors(self._place, self.exact_data)
        self.start = self._place(torch.stack([make_start(problem, seed) for seed in seeds]))
        # Nothing in it leads back here: a cycle would keep the draws of a tile until the collector comes by.
        self._draws = Blocks(functools.partial(_make_draws, problem), self.seeds, self._place)

    def optimum(self) -> Tensor | None:
        """Give f* of each instance, `[seeds, 1]` in float64 on the CPU, or None where it is unknown."""
        optimum = self.problem.optimum(self.exact_data)
        if optimum is None:
            return None
        return torch.as_tensor(optimum, dtype=torch.float64).expand(len(self.seeds), 1)

    def draw(self, step: int) -> Tree:
        """Give what `step` (from 0) sees, `[seeds, 1, …]`, or None where nothing is drawn."""
        return self._draws.at(step)

    def draws(self, start: int, stop: int) -> Tree:
        """Give what the steps from `start` until before `stop` see, `[steps, seeds, 1, …]`; all within one block."""
        return self._draws.between(start, stop)

    def draws_of(self, gradient: Gradient) -> Blocks | None:
        """Give what a gradient draws, from generators of its own, whatever the optimizer; None if nothing."""
        make, dimension = gradient.make_draws, self.problem.layout.dimension
        if make is None:
            return None
        return Blocks(
            lambda seed, block: make(_generator(seed, "gradient", block), DRAW_BLOCK, dimension),
            self.seeds,
            self._place,
        )

    def data_of(self, seeds: slice) -> Tree:
        """Give the data of some seeds."""
        return self.data if self.shared else map_tensors(lambda leaf: leaf[seeds], self.data)

    def select(self, kept: Sequence[int]) -> "Instances":
        """Keep the seeds at these positions."""
        chosen = object.__new__(Instances)
        chosen.__dict__.update(self.__dict__)
        chosen.seeds = tuple(self.seeds[position] for position in kept)
        index = torch.as_tensor(kept, device=self.device)
        chosen.start = self.start[index]
        if not self.shared:
            chosen.data = map_tensors(lambda leaf: leaf[index], self.data)
            chosen.exact_data = map_tensors(lambda leaf: leaf[index.cpu()], self.exact_data)
        chosen._draws = self._draws.select(kept)
        return chosen


@functools.lru_cache(maxsize=8)
def shared_data(problem: Problem) -> Tree:
    """Make a problem's shared data once a process; problems are frozen, so equal parameters are one key."""
    return problem.shared_data()


def is_deterministic(problem: Problem) -> bool:
    """Tell whether a step draws nothing, so that the full and the stochastic oracle coincide."""
    return problem.make_draws(torch.Generator(), 1) is None


def _place(tensor: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    return tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype)


def _make_draws(problem: Problem, seed: InstanceSeed, block: int) -> Tree:
    return problem.make_draws(_generator(seed, "draws", block), DRAW_BLOCK)


def _generator(seed: InstanceSeed, purpose: Purpose, block: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed.generator_seed(purpose, block))


def make_start(problem: Problem, seed: InstanceSeed) -> Tensor:
    """Draw the start of one instance, `[dimension]`; the global generator is left as it was."""
    # A module's own initialisation uses the global generator: lend it one that is forked and seeded.
    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed would format a traceback for every kind of device: four fifths of a start's time.
        torch.default_generator.manual_seed(seed.generator_seed("start"))
        return problem.make_start(_generator(seed, "start"))


def _make_data(problem: Problem, seeds: Sequence[InstanceSeed]) -> Tree:
    shared = shared_data(problem)
    if shared is not None:
        return shared
    each = [problem.make_data(_generator(seed, "data")) for seed in seeds]
    if not leaves(each[0]):
        return each[0]
    stack: Callable[..., Tensor] = lambda *one: torch.stack(one).unsqueeze(1)  # noqa: E731 (map_tensors wants a callable)
    return map_tensors(stack, *each)
