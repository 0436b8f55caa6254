"""Findings about averages of iterates: which of them remove the noise floor of SGD."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Generator

from benchbed_findings.noise import simulated_losses
from benchbed_findings.record import Finding, Panel, mean_of, near_means, series_of_means
from benchbed_problems.noisy_quadratic import NoisyQuadratic

RATE, DECAY, BETA = 1.0, 0.9, 0.9
"""Learning rate, and the parameters of `ema` and of `schedule-free-sgd`, which is its default."""
BUDGETS = (50, 200, 800)
CURVE = (50, 75, 100, 150, 200, 300, 400, 600, 800)
"""Budgets at which the exact loss is computed."""
TRIALS = 200
SOURCE = "Polyak & Juditsky (1992), Defazio et al. (2024)"


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
    exact, means = {}, {}
    for rule, average in RULES.items():
        exact[rule] = [_expected_loss(average, problem, budget) for budget in CURVE]
        means[rule] = [
            mean_of(simulated_losses(problem, f"{rule}[learning_rate={RATE}]", budget, TRIALS))
            for budget in BUDGETS
        ]
    panel = Panel(
        f"Noisy quadratic, batch 1, rate {RATE:g}: mean of {TRIALS} trials",
        "budget of steps",
        "loss of the answer",
        [series_of_means(rule, BUDGETS, means[rule], (CURVE, exact[rule])) for rule in RULES],
        "exact recursion",
        log_x=True,
    )
    yield near_means(
        f"noisy quadratic, batch 1, rate {RATE:g}, {BUDGETS[-1]} steps: losses of {', '.join(RULES)}",
        [losses[-1] for losses in exact.values()],
        [of_rule[-1] for of_rule in means.values()],
        SOURCE,
        panel,
    )
    expected = [losses[-1] / losses[CURVE.index(BUDGETS[-2])] for losses in exact.values()]
    factors = [of_rule[-1].value / of_rule[-2].value for of_rule in means.values()]
    constant, linear, moving, schedule_free = factors
    agree = all(
        mean.agrees_with(exact[rule][CURVE.index(budget)])
        for rule in RULES
        for mean, budget in zip(means[rule], BUDGETS, strict=True)
    )
    yield Finding(
        f"likewise, {BUDGETS[-1]} over {BUDGETS[-2]} steps: factors of the losses",
        ", ".join(f"{factor:.2f}" for factor in expected),
        ", ".join(f"{factor:.2f}" for factor in factors),
        agree and min(constant, moving) > 0.9 and max(linear, schedule_free) < 0.6,
        SOURCE,
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
