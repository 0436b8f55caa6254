"""Measure lanes at a checkpoint and at the end, on the noise-free objective."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from benchbed.engine.batch import Batch
from benchbed.engine.instances import Instances
from benchbed.engine.losses import batched, in_pieces
from benchbed.engine.pytrees import Tree
from benchbed.engine.reverse import reverse
from benchbed.interfaces import START_IN_BASIN, RegisteredMetric

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
