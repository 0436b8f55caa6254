"""Findings about averages of iterates: which of them remove the noise floor of SGD."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Generator, Tensor

import benchbed
from benchbed_findings.record import Finding
from benchbed_problems.noisy_quadratic import NoisyQuadratic

RATE, DECAY, BETA = 1.0, 0.9, 0.9
"""Learning rate, and the parameters of `ema` and of `schedule-free-sgd`, which is its default."""
BUDGETS = (200, 800)
TRIALS = 200


class Average(NamedTuple):
    """A rule y = (1 − β) z + β x, z ← z − η g(y), x ← (1 − c) x + c z, whose answer is x."""

    beta: float
    rate: Callable[[int, int], float]
    """Step and budget -> η."""
    weight: Callable[[int], float]
    """Step, from 1 -> c."""


RULES = {
    "sgd": Average(0.0, lambda step, budget: RATE, lambda step: 1.0),
    "linear(sgd)": Average(0.0, lambda step, budget: RATE * (1 - (step - 1) / budget), lambda step: 1.0),
    f"ema(sgd, decay={DECAY})": Average(
        0.0, lambda step, budget: RATE, lambda step: (1 - DECAY) / (1 - DECAY**step)
    ),
    "schedule-free-sgd": Average(BETA, lambda step, budget: RATE, lambda step: 1 / step),
}


def noise_floors_of_averages() -> Iterator[Finding]:
    """Four times the steps do not lower the loss of SGD, but that of a decay to 0 and of an average of all iterates."""
    problem = NoisyQuadratic(rotated=False)
    expected, measured, agree = {}, {}, True
    for rule, average in RULES.items():
        exact = [_expected_loss(average, problem, budget) for budget in BUDGETS]
        losses = [_simulated_losses(rule, problem, budget) for budget in BUDGETS]
        for value, of_trials in zip(exact, losses, strict=True):
            standard_error = of_trials.std().item() / math.sqrt(TRIALS)
            agree &= abs(of_trials.mean().item() - value) <= 3 * standard_error
        expected[rule] = (exact[1], exact[1] / exact[0])
        measured[rule] = (losses[1].mean().item(), (losses[1].mean() / losses[0].mean()).item())
    yield Finding(
        f"noisy quadratic, batch 1, rate {RATE:g}, {BUDGETS[1]} steps: losses of {', '.join(RULES)}",
        ", ".join(f"{loss:.4f}" for loss, _ in expected.values()),
        ", ".join(f"{loss:.4f}" for loss, _ in measured.values()),
        agree,
    )
    constant, linear, moving, schedule_free = (factor for _, factor in measured.values())
    yield Finding(
        f"likewise, {BUDGETS[1]} over {BUDGETS[0]} steps: factors of the losses",
        ", ".join(f"{factor:.2f}" for _, factor in expected.values()),
        ", ".join(f"{factor:.2f}" for _, factor in measured.values()),
        min(constant, moving) > 0.9 and max(linear, schedule_free) < 0.6,
    )


def _expected_loss(average: Average, problem: NoisyQuadratic, budget: int) -> float:
    """Return ½ Σ hᵢ E xᵢ² after `budget` steps, from the recursion of E z², E z x and E x², all 1 at the start."""
    h = problem.make_data(Generator()).eigenvalues
    noise = h / problem.batch_size
    zz = zx = xx = torch.ones_like(h)
    for step in range(1, budget + 1):
        rate, c = average.rate(step, budget), average.weight(step)
        of_z, of_x = 1 - rate * h * (1 - average.beta), -rate * h * average.beta  # the next z without noise
        cross = of_z * zx + of_x * xx  # of the next z and this x
        zz = of_z**2 * zz + 2 * of_z * of_x * zx + of_x**2 * xx + rate**2 * noise
        zx = (1 - c) * cross + c * zz
        xx = (1 - c) ** 2 * xx + 2 * c * (1 - c) * cross + c**2 * zz
    return (0.5 * h * xx).sum().item()


def _simulated_losses(rule: str, problem: NoisyQuadratic, budget: int) -> Tensor:
    """Return the losses of the answers of trials on one instance: `[trials]`."""
    generator = Generator().manual_seed(0)
    data = problem.make_data(generator)
    end = benchbed.minimize(
        lambda theta: problem.loss(theta, data, problem.make_draws(generator, TRIALS)).sum(),
        torch.stack([problem.make_start(generator)] * TRIALS),
        f"{rule}[learning_rate={RATE}]",
        steps=budget,
    )
    return problem.objective(end.theta, data)
