"""Evaluation of lanes on the noise-free objective: at checkpoints, at the end, for the scale and for figures."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchbed.engine.batch import Batch
from benchbed.engine.oracle import batched
from benchbed.engine.pytrees import Tree, tiles
from benchbed.engine.sampling import Instances, make_start, shared_data
from benchbed.errors import ContractError, UnknownOptimumError
from benchbed.interfaces import Problem
from benchbed.interfaces.gradient import Differentiable
from benchbed.seeds import InstanceSeed

MEASURE_BYTES = 1 << 22
"""Memory of one measurement: beyond the cache it takes three times as long."""


def measure_objective(instances: Instances, point: Tensor, buffers: Tree = None) -> Tensor:
    """Compute the objective `[seeds, settings]` at `point: [seeds, settings, dimension]`, with `buffers` of lanes."""
    return in_pieces(batched(instances.problem, instances.problem.objective), point, instances, buffers)


def measure_gradient_norm(batch: Batch, instances: Instances, point: Tensor, buffers: Tree = None) -> Tensor:
    """Compute the Euclidean norm of the objective's gradient, `[seeds, settings]`; by reverse mode in every run."""
    objective = batched(batch.problem, batch.problem.objective)

    def norm(theta: Tensor, data: Tree) -> Tensor:
        _, gradient = reverse(lambda point: objective(point, data), theta)
        gradient_norm: Tensor = torch.linalg.vector_norm(gradient, dim=-1)
        return gradient_norm

    return in_pieces(norm, point, instances, buffers)


def measure_start(instances: Instances) -> Tensor | None:
    """Return whether each start lies in the basin of the optimum, `[seeds, 1]`; None if the problem does not know.

    Raises: ValueError if `in_basin` returns another shape or type.
    """
    problem, unknown = instances.problem, False

    def in_basin(theta: Tensor, data: Tree) -> Tensor:
        nonlocal unknown
        value = problem.in_basin(theta, data)
        if value is None:  # vmap cannot return None
            unknown = True
            return theta.new_zeros(theta.shape[:-1], dtype=torch.bool)
        if value.dtype != torch.bool or value.shape != theta.shape[:-1]:
            raise ValueError(
                f"in_basin returns {tuple(value.shape)} of {value.dtype} for theta {tuple(theta.shape)}; return a "
                "bool for each trial, [...] for theta [..., dimension]"
            )
        return value

    result = in_pieces(batched(problem, in_basin), instances.start[:, None], instances)
    return None if unknown else result


def in_pieces(
    function: Callable[[Tensor, Tree], Tensor], theta: Tensor, instances: Instances, buffers: Tree = None
) -> Tensor:
    """Evaluate `function(theta, data)`, which returns `[seeds, settings]`, piece by piece within `MEASURE_BYTES`.

    `buffers: [seeds, settings, …]` are those of the lanes; None for those at the start.
    """
    lanes = MEASURE_BYTES // (theta.element_size() * max(1, instances.problem.workspace))
    result = theta.new_empty(theta.shape[:2])
    for seeds, settings in tiles(theta.shape[0], theta.shape[1], lanes):
        values = function(theta[seeds, settings], instances.data_of(seeds, settings, buffers))
        shape = theta[seeds, settings].shape[:2]
        if values.shape != shape:  # the assignment below would broadcast it
            raise ContractError(
                f"an objective or metric of problem {instances.seeds[0].problem!r} returns the shape "
                f"{tuple(values.shape)} for {tuple(shape)} trials; reduce over the last dimension alone, such as "
                "`.sum(dim=-1)`"
            )
        if shape == result.shape:
            return values
        result[seeds, settings] = values
    return result


def reverse(function: Differentiable, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Compute loss and gradient of every lane by reverse mode (backpropagation): one pass for any dimension.

    Source: Linnainmaa (1976), Taylor expansion of the accumulated rounding error, https://doi.org/10.1007/BF01931367.
    """
    with torch.enable_grad():
        point = theta.detach().requires_grad_()
        loss = function(point)
        (gradient,) = torch.autograd.grad(loss.sum() if loss.dim() else loss, point)
    return loss.detach(), gradient


def scale_of(problem: Problem, name: str, study_seed: int) -> float | None:
    """Compute a problem's scale Δ (protocol, rule 3): the lower median of f₀ − f* over instances of their own role.

    Returns 1 for a problem that starts at its optimum, and None if f* is unknown.

    Raises: UnknownOptimumError if it is not finite, or the optimum cannot be computed.
    """
    seeds = [InstanceSeed(study_seed, name, "scale", index) for index in range(problem.scale_instances)]
    starts = [make_start(problem, seed) for seed in seeds[:2]]
    has_own_data = (
        shared_data(problem) is None and problem.make_data(torch.Generator().manual_seed(1)) is not None
    )
    if not has_own_data and torch.equal(starts[0], starts[-1]):
        seeds = seeds[:1]  # neither start nor data are drawn, so all instances are equal
    instances = Instances(problem, seeds)
    optimum = instances.optimum()
    if optimum is None:
        return None
    with torch.no_grad():
        start = measure_objective(instances, instances.start[:, None])
    scale = (start - optimum).flatten().sort().values[(len(seeds) - 1) // 2].item()
    if not math.isfinite(scale):
        raise UnknownOptimumError(f"the scale of problem {name!r} is {scale:g}")
    return scale if scale > 0 else 1.0


def objective_at(problem: Problem, seed: InstanceSeed, points: np.ndarray) -> np.ndarray:
    """Compute the noise-free objective `[count]` at `points: [count, dimension]` on the instance of `seed`."""
    instances = Instances(problem, [seed])
    with torch.no_grad():
        values: np.ndarray = measure_objective(instances, torch.from_numpy(points)[None]).numpy()[0]
    return values


def solution_of(problem: Problem, seed: InstanceSeed) -> tuple[float | None, np.ndarray | None]:
    """Return the optimum and a minimizer `[dimension]` of the instance of `seed`, each None if unknown."""
    instances = Instances(problem, [seed])
    optimum, minimizer = instances.optimum(), problem.minimizer(instances.exact_data)
    point = None if minimizer is None else minimizer.expand(1, 1, -1)[0, 0].numpy()
    return (None if optimum is None else optimum[0, 0].item()), point
