"""Build instances from seeds: starts, data and the draws of every step, as tensors on the run's device."""

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor

from benchbed.engine.pytrees import Tree, leaves, map_tensors
from benchbed.engine.sampling import Blocks
from benchbed.interfaces import Gradient, Problem
from benchbed.seeds import DRAW_BLOCK, InstanceSeed, Purpose


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
