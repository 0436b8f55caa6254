"""The numbers of random plugins by a plain loop: one trial at a time, with plain torch and without the engine.

Only the seeds of the generators are benchbed's. Each mutation is computed as its author means it.
"""

from types import SimpleNamespace
from typing import NamedTuple

import torch

from benchbed.seeds import DRAW_BLOCK, InstanceSeed

DIMENSION = 3
SAMPLES = 5
BUDGET = 12
SCALE_INSTANCES = 20


class PlainTrial(NamedTuple):
    """The measurements of a trial."""

    objective: list[float]
    """Before each step and after the last one, up to the first value that is not finite."""
    theta: torch.Tensor
    has_failed: bool
    """The plugin raised."""

    @property
    def is_finite(self):
        """Whether every measured point and value is finite."""
        return bool(torch.isfinite(torch.tensor(self.objective)).all() and self.theta.isfinite().all())


def run_plain_trial(problem, optimizer, rate, seed, perturbation=0.0):
    """Run a trial of the random problem and optimizer; `perturbation` is a relative change of the start."""
    dtype = getattr(torch, problem.dtype)
    start, data, draws = instance_of(problem, "evaluation", seed)
    theta = (start * (1 + perturbation)).to(dtype)
    data, draws = (
        SimpleNamespace(**{name: value.to(dtype) for name, value in vars(data).items()}),
        draws.to(dtype),
    )
    calls_per_step = 2 if optimizer.second_call else 1
    state = SimpleNamespace(mean=torch.zeros_like(theta), square=torch.zeros_like(theta), average=theta)
    answer, curve, has_failed = theta, [], False
    for step in range(BUDGET // calls_per_step + 1):
        answer = answer_of(optimizer, state, theta)
        try:
            curve.append(objective_of(problem, answer, data).item())
            if not torch.isfinite(torch.tensor(curve[-1])) or not answer.isfinite().all():
                break
            if step < BUDGET // calls_per_step:
                draw = draws[step] if problem.is_noisy else 0 * theta
                theta = step_of(problem, optimizer, theta, state, data, draw, rate, step, calls_per_step)
        except ValueError:
            has_failed = True
            break
    return PlainTrial(curve, answer, has_failed)


def scale_of_plain_trials(problem):
    """Compute the lower median of f₀ − f* over the instances for the scale."""
    starts = []
    for seed in range(SCALE_INSTANCES):
        start, data, _ = instance_of(problem, "scale", seed)
        starts.append(objective_of(problem, start, data).item())
    return sorted(starts)[(SCALE_INSTANCES - 1) // 2]


def instance_of(problem, role, seed):
    """Draw start, data and noise in float64."""
    instance = InstanceSeed(0, "random-problem", role, seed)

    def generator(purpose):
        return torch.Generator().manual_seed(instance.generator_seed(purpose))

    start = 1 + torch.rand(DIMENSION, generator=generator("start"), dtype=torch.float64)
    if problem.has_fixed_start:
        start = torch.linspace(1, 2, DIMENSION, dtype=torch.float64)
    if problem.mutation == "integer start":
        start = torch.randint(1, 5, (DIMENSION,), generator=generator("start")).double()
    if problem.mutation == "NaN start":
        start = torch.full((DIMENSION,), torch.nan, dtype=torch.float64)
    data_generator = generator("data")
    data = SimpleNamespace(
        curvature=0.5 + torch.rand(DIMENSION, generator=data_generator, dtype=torch.float64),
        matrix=torch.randn(DIMENSION, DIMENSION, generator=data_generator, dtype=torch.float64),
        samples=torch.randn(SAMPLES, DIMENSION, generator=data_generator, dtype=torch.float64),
    )
    draws = 0.1 * torch.randn(DRAW_BLOCK, DIMENSION, generator=generator("draws"), dtype=torch.float64)
    return start, data, draws


def objective_of(problem, theta, data):
    """Compute the objective of one trial, a tensor without dimensions."""
    if problem.mutation == "raises for some seeds" and data.curvature[0] > 1:
        raise ValueError
    point = theta - 0.25
    if problem.mutation == "mean of all lanes":
        point = point - 0.01 * theta.mean()
    if problem.mutation == "maximum of all lanes":
        point = point / theta.detach().abs().max()
    value = torch.zeros((), dtype=theta.dtype)
    for term in problem.terms:
        if term == "diagonal":
            value = value + 0.5 * torch.dot(data.curvature, point * point)
        elif term == "rotated":
            value = value + 0.5 * torch.sum((data.matrix @ point) ** 2)
        elif term == "quartic":
            value = value + 0.25 * torch.sum(point**4)
        elif term == "absolute":
            value = value + 0.1 * torch.linalg.vector_norm(point, 1)
        else:
            value = value + torch.log1p(torch.exp(data.samples @ point)).mean()
    return value


def step_of(problem, optimizer, theta, state, data, draw, rate, step, calls_per_step):
    """Compute θ after a step, and change the state."""

    def gradient_at(point):
        leaf = point.clone().requires_grad_()
        (objective_of(problem, leaf, data) + torch.dot(draw, leaf)).backward()
        return leaf.grad

    first = gradient_at(theta)
    gradient = first
    if optimizer.second_call:
        gradient = 0.5 * (first + gradient_at(theta - rate * first))
    if optimizer.clipping == "norm":
        gradient = gradient / max(1.0, gradient.norm().item())
    if optimizer.clipping == "value":
        gradient = gradient.clamp(-0.5, 0.5)
    state.mean = optimizer.momentum * state.mean + (1 - optimizer.momentum) * gradient
    direction = state.mean
    if optimizer.mean_square:
        state.square = optimizer.mean_square * state.square + (1 - optimizer.mean_square) * gradient**2
        direction = direction / (state.square**0.5 + 0.1)
    if optimizer.is_normalized:
        direction = direction / (direction.norm() + 0.01)
    if optimizer.takes_sign:
        direction = torch.sign(direction)
    scheduled_rate = rate * (1 - step * calls_per_step / BUDGET) if optimizer.has_schedule else rate
    change = scheduled_rate * direction
    moved = theta - change
    state.average = 0.5 * state.average + 0.5 * moved
    match optimizer.mutation:
        case "norm of all lanes":
            return theta - change / (1 + direction.norm())
        case "write to the gradient":
            return theta - scheduled_rate * 0.5 * first
    return mutated_point(optimizer.mutation, theta, change, gradient, step)


def mutated_point(mutation, theta, change, gradient, step):
    """Compute θ after a step with a mistake, for one trial."""
    moved = theta - change
    match mutation:
        case "number of a tensor":
            return moved - 0.01 * gradient.mean()
        case "branch on any lane" if bool((gradient > 0.5).any()):
            return theta - 0.5 * change
        case "branch on a lane" if gradient.sum() > 0.5:
            return theta - 0.5 * change
        case "Python counter" | "global counter":
            return theta - change / (step + 1)
        case "NaN theta":
            return torch.full_like(theta, torch.nan)
        case "raises for some lanes" if gradient[0] > 1.5:
            raise ValueError
    return moved


def answer_of(optimizer, state, theta):
    """Return the point that is measured."""
    if optimizer.mutation == "answer of all lanes":
        return theta - 0.01 * theta.mean()
    return state.average if optimizer.averages else theta
