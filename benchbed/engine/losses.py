"""Give a problem's loss and objective the form in which the engine asks for them."""

from collections.abc import Callable

from torch import Tensor

from benchbed.engine.adapters import per_lane
from benchbed.engine.instances import Instances, shared_data
from benchbed.engine.pytrees import Tree, map_tensors, tiles
from benchbed.interfaces import Problem

WORKSPACE_BYTES = 1 << 26
"""Memory that a step may keep alive: large enough to be fast, small enough for many processes."""
MEASURE_BYTES = 1 << 22
"""Memory that a measurement may keep alive at a time: beyond the cache it takes three times as long."""

Loss = Callable[[Tensor, Tree, Tree], Tensor]


class Losses:
    """The loss of a step, for lanes `[seeds, settings]` and for one trial alone."""

    def __init__(self, problem: Problem, full: bool, deterministic: bool) -> None:
        self.needs_draws = not (full or deterministic)
        self._problem = problem
        self.batched: Loss = batched(problem, self.single)

    def single(self, theta: Tensor, data: Tree, draw: Tree) -> Tensor:
        """Give the loss on a draw, or the objective where the oracle is exact."""
        if self.needs_draws:
            return self._problem.loss(theta, data, draw)
        return self._problem.objective(theta, data)


def batched(problem: Problem, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Let a `function(theta, data, …)` of single trials take lanes, where the problem is written so."""
    if not problem.per_trial:
        return function
    shared = shared_data(problem) is not None

    def mapped(theta: Tensor, data: Tree, *rest: Tree) -> Tensor:
        def spread(tree: Tree) -> Tree:
            return map_tensors(lambda leaf: leaf.expand(*theta.shape[:2], *leaf.shape[2:]), tree)

        def one(theta: Tensor, own: Tree, *rest: Tree) -> Tensor:
            return function(theta, data if shared else own, *rest)

        value: Tensor = per_lane(
            one, theta, None if shared else spread(data), *(spread(tree) for tree in rest)
        )
        return value

    return mapped


def in_pieces(function: Callable[[Tensor, Tree], Tensor], theta: Tensor, instances: Instances) -> Tensor:
    """Evaluate `function(theta, data)`, giving `[seeds, settings]`, in tiles that keep within the workspace."""
    lanes = MEASURE_BYTES // (theta.element_size() * max(1, instances.problem.workspace))
    result = theta.new_empty(theta.shape[:2])
    for seeds, settings in tiles(theta.shape[0], theta.shape[1], lanes):
        piece = function(theta[seeds, settings], instances.data_of(seeds))
        if piece.shape == result.shape:
            return piece
        result[seeds, settings] = piece
    return result
