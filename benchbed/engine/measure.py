"""Measure lanes at a checkpoint and at the end, on the noise-free objective."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from benchbed.engine.batch import Batch
from benchbed.engine.instances import Instances
from benchbed.engine.lanes import Tree
from benchbed.engine.losses import batched, in_pieces
from benchbed.interfaces import RegisteredMetric

Measured = Callable[[Tensor, Tree], Tensor]


def measure_objective(instances: Instances, answer: Tensor) -> Tensor:
    """Give the objective `[seeds, settings]` at `answer: [seeds, settings, dimension]`."""
    objective: Measured = batched(instances.problem, instances.problem.objective)
    return in_pieces(objective, answer, instances)


def measure_gradient_norm(batch: Batch, instances: Instances, answer: Tensor) -> Tensor:
    """Give the Euclidean norm of the objective's gradient, `[seeds, settings]`."""
    objective = batched(batch.problem, batch.problem.objective)

    def norm(theta: Tensor, data: Tree) -> Tensor:
        gradient = batch.gradient(lambda point: objective(point, data), theta)[1]
        length: Tensor = torch.linalg.vector_norm(gradient, dim=-1)
        return length

    return in_pieces(norm, answer, instances)


def gradient_is_cheap(batch: Batch) -> bool:
    """Tell whether a full gradient costs no more than a step, so that every checkpoint can afford one."""
    return (batch.problem.full_price or 1.0) <= 1.0


def measure_metrics(
    metrics: Mapping[str, RegisteredMetric], instances: Instances, answer: Tensor
) -> dict[str, Tensor]:
    """Give the problem's own metrics and the registered ones that apply, each `[seeds, settings]`."""
    problem, measured = instances.problem, {}
    for name, own in problem.metrics.items():
        measured[name] = in_pieces(batched(problem, own), answer, instances)
    for name, metric in metrics.items():
        if metric(problem, answer[:1, :1], instances.data_of(slice(0, 1))) is None:
            continue

        def known(theta: Tensor, data: Tree, metric: RegisteredMetric = metric) -> Tensor:
            return torch.as_tensor(metric(problem, theta, data))

        measured[name] = in_pieces(known, answer, instances)
    return measured
