"""Starts, data and per-step draws of instances, from generators of their own (protocol, rule 2)."""

import copy
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.engine.block_draws import BlockDraws, DrawBlock
from benchbed.engine.instance_values import (
    checked_draws,
    checked_optimum,
    checked_start,
    require_equal_constants,
)
from benchbed.engine.pytrees import Tree, leaves, map_tensors
from benchbed.errors import UnknownOptimumError
from benchbed.formatting import shortened
from benchbed.interfaces import BufferedData, Gradient, Optimizer, Problem
from benchbed.seeds import InstanceSeed, Purpose, seeded_modules

CPU = torch.device("cpu")


class Draws(NamedTuple):
    """The draws of one step, or of several; None if nothing is random."""

    loss: Tree = None
    """Drawn by the problem: a mini-batch, or noise."""
    gradient: Tree = None
    """Drawn by the gradient: a direction."""
    optimizer: Tree = None
    """Drawn by the optimizer: the noise of its update."""


class Instances:
    """The instances of some seeds: `start: [seeds, dimension]`, `data` and `draws`.

    Everything random is drawn on the CPU in float64 and then moved, so that an instance is the same on every
    device, in every dtype and in every batch (protocol, rule 2).
    """

    def __init__(
        self,
        problem: Problem,
        seeds: Sequence[InstanceSeed],
        device: torch.device = CPU,
        dtype: torch.dtype = torch.float64,
        steps: int | None = None,
    ) -> None:
        """`steps` are those that run; the numbers of fewer steps than a block differ from those of a trial."""
        self.problem, self.seeds, self.device, self.dtype = problem, tuple(seeds), device, dtype
        self._transfer = functools.partial(_transfer, device=device, dtype=dtype)
        self.exact_data = _make_data(problem, seeds)
        self.shared = shared_data(problem) is not None
        self.data = map_tensors(self._transfer, self.exact_data)
        drawn = torch.stack([make_start(problem, seed) for seed in seeds])
        self.start = self._transfer(problem.start_on(drawn.unsqueeze(1), self.exact_data).squeeze(1))
        self.buffers = make_buffers(problem, seeds, self._transfer)
        """Buffers at the start, `[seeds, 1, …]`; None if the problem has none."""
        # No reference back to self: a cycle would keep the draws of a tile until the garbage collector runs.
        self._steps = steps or problem.draw_block
        self.draws = self._block_draws(functools.partial(_make_draws, problem, steps=self._steps))

    def optimum(self) -> Tensor | None:
        """Return f* of each instance, `[seeds, 1]` in float64 on the CPU, or None if it is unknown.

        Raises: UnknownOptimumError if the problem raises an exception, or a value is not finite.
        """
        name = self.seeds[0].problem
        try:
            optimum = self.problem.optimum(self.exact_data)
        except (Exception, SystemExit) as error:
            reason = shortened(f"optimum of problem {name!r} raises {type(error).__name__}: {error}", 300)
            raise UnknownOptimumError(reason) from error
        if optimum is None:
            return None
        values = checked_optimum(optimum, len(self.seeds), name)
        if not torch.isfinite(values).all():
            value = values[~torch.isfinite(values)][0].item()
            raise UnknownOptimumError(f"optimum of problem {name!r} is {value:g}")
        return values

    def draws_of(self, plugin: Gradient | Optimizer[Any], purpose: Purpose) -> BlockDraws | None:
        """Return the draws of a gradient or an optimizer; None if it draws nothing.

        Those of a gradient do not depend on the optimizer, and those of an optimizer not on the gradient.
        """
        make, dimension, steps = plugin.make_draws, self.problem.layout.dimension, self._steps
        if make is None:
            return None
        return self._block_draws(
            lambda seed, block: checked_draws(
                make(_generator(seed, purpose, block), steps, dimension), steps, f"the {purpose}"
            )
        )

    def _block_draws(self, draw_block: DrawBlock) -> BlockDraws:
        return BlockDraws(draw_block, self.seeds, self._transfer, self.problem.draw_block)

    def data_of(self, seeds: slice, settings: slice = slice(None), buffers: Tree = None) -> Tree:
        """Return the data of some seeds, with the lanes' part of `buffers: [seeds, settings, …]` if there are buffers.

        Without `buffers` they are those at the start.
        """
        data = self.data if self.shared else map_tensors(lambda leaf: leaf[seeds], self.data)
        if self.buffers is None:
            return data
        if buffers is None:
            buffers, settings = self.buffers, slice(None)
        return BufferedData(data, map_tensors(lambda leaf: leaf[seeds, settings], buffers))

    def select(self, positions: Sequence[int]) -> "Instances":
        """Return the instances of the seeds at these positions."""
        selected = copy.copy(self)
        selected.seeds = tuple(self.seeds[position] for position in positions)
        index = torch.as_tensor(positions, device=self.device)
        selected.start = self.start[index]
        if not self.shared:
            selected.data = map_tensors(lambda leaf: leaf[index], self.data)
            selected.exact_data = map_tensors(lambda leaf: leaf[index.cpu()], self.exact_data)
        selected.buffers = map_tensors(lambda leaf: leaf[index], self.buffers)
        selected.draws = self.draws.select(positions)
        return selected


@functools.lru_cache(maxsize=8)
def shared_data(problem: Problem) -> Tree:
    """Return a problem's shared data, made once a process; problems with equal parameters are equal keys."""
    return problem.shared_data()


def is_deterministic(problem: Problem) -> bool:
    """Return whether steps draw nothing, so that the full and the stochastic gradient are equal."""
    return problem.make_draws(torch.Generator(), 1) is None


def make_start(problem: Problem, seed: InstanceSeed) -> Tensor:
    """Draw the start of one instance, `[dimension]`; torch's global generator keeps its state.

    Raises: ContractError if it is not a finite vector of the problem's dimension.
    """
    with seeded_modules(seed.generator_seed("start")):
        start = problem.make_start(_generator(seed, "start"))
        if problem.start_strata > 1:
            start = problem.place_start(start, seed.number % problem.start_strata)
    return checked_start(start, problem.layout.dimension, seed.problem)


def make_buffers(
    problem: Problem, seeds: Sequence[InstanceSeed], transfer: Callable[[Tensor], Tensor]
) -> Tree:
    """Return the buffers at the starts of instances, `[seeds, 1, …]`; None if the problem has none."""
    buffers = []
    for seed in seeds:
        with seeded_modules(seed.generator_seed("start")):
            buffers.append(problem.make_buffers(_generator(seed, "start")))
        if buffers[0] is None:
            return None
    return map_tensors(lambda *tensors: transfer(torch.stack(tensors).unsqueeze(1)), *buffers)


def _make_data(problem: Problem, seeds: Sequence[InstanceSeed]) -> Tree:
    shared = shared_data(problem)
    if shared is not None:
        return shared
    data = [problem.make_data(_generator(seed, "data")) for seed in seeds]
    require_equal_constants(data, seeds[0].problem)
    if not leaves(data[0]):
        return data[0]
    return map_tensors(_stacked, *data)


def _stacked(*tensors: Tensor) -> Tensor:
    """Return the tensors of all instances, `[seeds, 1, …]`; one tensor that all of them have is not copied."""
    first = tensors[0]
    if len(tensors) > 1 and all(tensor is first for tensor in tensors):
        return first.expand(len(tensors), 1, *first.shape)
    return torch.stack(tensors).unsqueeze(1)


def _make_draws(problem: Problem, seed: InstanceSeed, block: int, steps: int) -> Tree:
    draws = problem.make_draws(_generator(seed, "draws", block), steps)
    return checked_draws(draws, steps, f"problem {seed.problem!r}")


def _transfer(tensor: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    return tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype)


def _generator(seed: InstanceSeed, purpose: Purpose, block: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed.generator_seed(purpose, block))
