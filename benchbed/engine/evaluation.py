"""Measure lanes at a checkpoint and at the end, on the noise-free objective."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from benchbed.engine.batch import Batch
from benchbed.engine.oracle import batched
from benchbed.engine.pytrees import Tree, tiles
from benchbed.engine.sampling import Instances, make_start
from benchbed.interfaces import START_IN_BASIN, Problem, RegisteredMetric
from benchbed.interfaces.gradient import Differentiable
from benchbed.seeds import InstanceSeed

MEASURE_BYTES = 1 << 22
"""Memory that a measurement may keep alive at a time: beyond the cache it takes three times as long."""
Measured = Callable[[Tensor, Tree], Tensor]


def measure_objective(instances: Instances, answer: Tensor) -> Tensor:
    """Give the objective `[seeds, settings]` at `answer: [seeds, settings, dimension]`."""
    objective: Measured = batched(instances.problem, instances.problem.objective)
    return in_pieces(objective, answer, instances)


def measure_gradient_norm(batch: Batch, instances: Instances, answer: Tensor) -> Tensor:
    """Give the Euclidean norm of the objective's gradient, `[seeds, settings]`: by reverse mode in every run."""
    objective = batched(batch.problem, batch.problem.objective)

    def norm(theta: Tensor, data: Tree) -> Tensor:
        gradient = reverse(lambda point: objective(point, data), theta)[1]
        length: Tensor = torch.linalg.vector_norm(gradient, dim=-1)
        return length

    return in_pieces(norm, answer, instances)


def gradient_is_cheap(batch: Batch) -> bool:
    """Tell whether a full gradient costs no more than a step, so that every checkpoint can afford one."""
    return (batch.problem.full_price or 1.0) <= 1.0


def measure_metrics(
    metrics: Mapping[str, RegisteredMetric], instances: Instances, answer: Tensor
) -> dict[str, Tensor]:
    """Give the problem's own metrics, the registered ones that apply, and what is known of the start.

    Each is `[seeds, settings]`.
    """
    problem, measured = instances.problem, {}
    for name, own in problem.metrics.items():
        measured[name] = in_pieces(batched(problem, own), answer, instances)
    for name, metric in metrics.items():
        if metric(problem, answer[:1, :1], instances.data_of(slice(0, 1))) is None:
            continue

        def known(theta: Tensor, data: Tree, metric: RegisteredMetric = metric) -> Tensor:
            return torch.as_tensor(metric(problem, theta, data))

        measured[name] = in_pieces(known, answer, instances)
    inside = measure_start(instances)
    if inside is not None:
        measured[START_IN_BASIN] = inside.expand(answer.shape[:2])
    return measured


def measure_start(instances: Instances) -> Tensor | None:
    """Tell whether each start lies in the basin of the optimum, `[seeds, 1]`; None where the problem does not say.

    Raises: ValueError if it says so in another shape or type.
    """
    problem, unknown = instances.problem, False

    def inside(theta: Tensor, data: Tree) -> Tensor:
        nonlocal unknown
        found = problem.in_basin(theta, data)
        if found is None:  # said once it is known that no lane is told otherwise: vmap takes no None
            unknown = True
            return theta.new_zeros(theta.shape[:-1], dtype=torch.bool)
        if found.dtype != torch.bool or found.shape != theta.shape[:-1]:
            raise ValueError(
                f"in_basin gives {tuple(found.shape)} of {found.dtype} for theta {tuple(theta.shape)}; give a bool "
                "for each trial, [...] for theta [..., dimension]"
            )
        return found

    found = in_pieces(batched(problem, inside), instances.start[:, None], instances)
    return None if unknown else found


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


def reverse(function: Differentiable, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Differentiate lane by lane by reverse mode (backpropagation): one pass, whatever the dimension.

    Source: Linnainmaa (1976), Taylor expansion of the accumulated rounding error, https://doi.org/10.1007/BF01931367.
    """
    with torch.enable_grad():
        point = theta.detach().requires_grad_()
        loss = function(point)
        (gradient,) = torch.autograd.grad(loss.sum(), point)
    return loss.detach(), gradient


def scale_of(problem: Problem, name: str, study_seed: int) -> float | None:
    """Give the lower median of f₀ − f* over the problem's scale instances; None where f* is unknown.

    A problem that starts at its optimum has no unit of its own: its scale is 1.
    """
    seeds = [InstanceSeed(study_seed, name, "scale", index) for index in range(problem.scale_instances)]
    seeds = seeds if _varies(problem, seeds) else seeds[:1]
    instances = Instances(problem, seeds, torch.device("cpu"), torch.float64)
    optimum = instances.optimum()
    if optimum is None:
        return None
    with torch.no_grad():
        start = measure_objective(instances, instances.start[:, None])
    drop = (start - optimum).flatten().sort().values[(len(seeds) - 1) // 2].item()
    return drop if drop > 0 else 1.0


def _varies(problem: Problem, seeds: Sequence[InstanceSeed]) -> bool:
    # LaneIndex neither start nor data is drawn, one instance is all of them.
    first, *others = (make_start(problem, seed) for seed in seeds[:2])
    data = problem.make_data(torch.Generator().manual_seed(1))
    return data is not None or any(not torch.equal(first, other) for other in others)


def objective_at(problem: Problem, seed: InstanceSeed, points: np.ndarray) -> np.ndarray:
    """Give the noise-free objective `[count]` at `points: [count, dimension]` on the instance of `seed`."""
    instances = Instances(problem, [seed], torch.device("cpu"), torch.float64)
    with torch.no_grad():
        values: np.ndarray = measure_objective(instances, torch.from_numpy(points)[None]).numpy()[0]
    return values


def solution_of(problem: Problem, seed: InstanceSeed) -> tuple[float | None, np.ndarray | None]:
    """Give the optimum and a minimizer `[dimension]` of the instance of `seed`, each None where unknown."""
    instances = Instances(problem, [seed], torch.device("cpu"), torch.float64)
    optimum, minimizer = instances.optimum(), problem.minimizer(instances.exact_data)
    point = None if minimizer is None else minimizer.expand(1, 1, -1)[0, 0].numpy()
    return (None if optimum is None else optimum[0, 0].item()), point
