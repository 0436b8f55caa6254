"""Findings about schedules: the price of a learning rate that is too large."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Generator, Tensor

import benchbed
from benchbed_findings.record import Finding, Mean, Panel, Series, mean_of

CURVATURES = 1 / torch.arange(1, 21, dtype=torch.float64)
START, STEPS, TRIALS = 3.0, 400, 500
FACTORS = (1, 2, 4, 8)
"""Learning rates as multiples of the best one."""
SCHEDULES: dict[str, Callable[[Tensor], Tensor]] = {
    "constant(sgd, warmup=0)": torch.ones_like,
    "linear(sgd)": lambda progress: 1 - progress,
    "cosine(sgd)": lambda progress: 0.5 * (1 + torch.cos(math.pi * progress)),
}


def large_rates() -> Iterator[Finding]:
    """A rate that is too large costs most with a constant schedule and least with a cosine."""
    series, expected, measured, agree = [], [], [], True
    for rule, schedule in SCHEDULES.items():
        best = min((0.02 * 2 ** (k / 8) for k in range(40)), key=lambda rate: _expected_end(schedule, rate))
        exact = [_expected_end(schedule, factor * best) for factor in FACTORS]
        means = [_simulated_end(rule, factor * best) for factor in FACTORS]
        agree &= all(mean.agrees_with(loss) for mean, loss in zip(means, exact, strict=True))
        expected.append(exact[-1] / exact[0])
        measured.append(means[-1].value / means[0].value)
        intervals = [mean.interval for mean in means]
        curve = [2 ** (power / 8) for power in range(25)]
        series.append(
            Series(
                rule,
                FACTORS,
                [mean.value / exact[0] for mean in means],
                ([low / exact[0] for low, _ in intervals], [high / exact[0] for _, high in intervals]),
                (curve, [_expected_end(schedule, factor * best) / exact[0] for factor in curve]),
            )
        )
    constant, linear, cosine = measured
    yield Finding(
        f"½ Σ θᵢ²/i with noise, {FACTORS[-1]} times the best rate of each schedule: factors of the loss under "
        "constant, linear and cosine schedules",
        ", ".join(f"{cost:.2f}" for cost in expected),
        ", ".join(f"{cost:.2f}" for cost in measured),
        agree and constant > 2 * linear and linear > cosine,
        "Attia & Koren (2025)",
        Panel(
            f"½ Σ θᵢ²/i with noise, {STEPS} steps: mean of {TRIALS} trials",
            "learning rate / best learning rate",
            "loss / lowest loss",
            series,
            "exact recursion",
            log_x=True,
        ),
    )


def _expected_end(schedule: Callable[[Tensor], Tensor], rate: float) -> float:
    """Return the expected last loss of SGD with noise of variance 1, from the recursion of E θᵢ²."""
    second_moment = torch.full_like(CURVATURES, START**2)
    for step in rate * schedule(torch.arange(STEPS, dtype=torch.float64) / STEPS):
        second_moment = (1 - step * CURVATURES) ** 2 * second_moment + step**2
    return (0.5 * CURVATURES * second_moment).sum().item()


def _simulated_end(rule: str, rate: float) -> Mean:
    """Return the mean of the last losses of SGD."""
    generator = Generator().manual_seed(0)

    def loss(theta: Tensor) -> Tensor:
        noise = torch.randn(theta.shape, generator=generator, dtype=torch.float64)
        return (0.5 * CURVATURES * theta.square() + noise * theta).sum()

    start = torch.full((TRIALS, len(CURVATURES)), START, dtype=torch.float64)
    end = benchbed.minimize(loss, start, f"{rule}[learning_rate={rate}]", steps=STEPS).theta
    return mean_of((0.5 * CURVATURES * end.square()).sum(-1))
