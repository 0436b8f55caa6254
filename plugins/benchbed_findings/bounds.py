"""Findings about worst cases: a lower bound that no rule may beat, and a loss on which Adam does not converge."""

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

import benchbed
from benchbed_findings.record import Finding, Mean, Panel, Series, mean_of, series_of_means

STEPS = 50
SPAN_RULES = (
    "gd[learning_rate=1]",
    "momentum[learning_rate=1, beta=0.8]",
    "momentum[learning_rate=10, beta=0.9]",
    "nesterov[learning_rate=5, beta=0.8]",
    "nesterov[learning_rate=20, beta=0.95]",
    "torch.optim:LBFGS[learning_rate=1, max_iter=1, history_size=100]",
)
"""Rules whose points are combinations of the start and the gradients."""


def worst_cases() -> Iterator[Finding]:
    """Nesterov's function for `STEPS` gradients, and the loss of Reddi, Kale and Kumar."""
    yield _lower_bound()
    yield _wrong_direction()


def _lower_bound() -> Finding:
    """The gap after k ≤ `STEPS` gradients is at least (1/(k+1) − 1/(n+1)) L/8 on Nesterov's function of n coordinates.

    With n = 2k + 1, as after `STEPS` gradients, the bound is L/(16(k+1)).
    """
    dimension = 2 * STEPS + 1

    def loss(theta: Tensor) -> Tensor:
        ends = theta[0].square() + theta[-1].square()
        return 0.25 * (0.5 * (ends + theta.diff().square().sum()) - theta[0])

    optimum = (1 / (dimension + 1) - 1) / 8
    gradients = range(STEPS + 1)
    bounds = [(1 / (count + 1) - 1 / (dimension + 1)) / 8 for count in gradients]
    start = torch.zeros(dimension, dtype=torch.float64)
    gaps = {}
    for rule in SPAN_RULES:
        minimum = benchbed.minimize(loss, start, rule, steps=STEPS)
        gaps[rule] = [gap - optimum for gap in (*minimum.losses.tolist(), minimum.loss)]
    lowest = min(gap / bound for curve in gaps.values() for gap, bound in zip(curve, bounds, strict=True))
    nearest = min(curve[-1] for curve in gaps.values()) / bounds[-1]
    return Finding(
        f"Nesterov's worst function: lowest gap of {len(SPAN_RULES)} rules over the bound, after up to {STEPS} "
        f"gradients, and after k = {STEPS}, where it is L/(16(k+1))",
        "at least 1, from 1 to 2",
        f"{lowest:.3f}, {nearest:.3f}",
        lowest >= 1 - 1e-12 and 1 <= nearest < 2,
        "Nesterov (2004), theorem 2.1.7",
        Panel(
            f"Nesterov's worst function of {dimension} coordinates, L = 1",
            "gradients k",
            "gap",
            [
                Series("lower bound", gradients, bounds),
                *(Series(rule, gradients, curve) for rule, curve in gaps.items()),
            ],
        ),
    )


def _wrong_direction() -> Finding:
    """The slope is 4 in a third of the draws and −1 in the others, so that the mean loss is lowest at θ = −1.

    Outside [−1, 1] it is constant, and trials stay where they leave the interval.
    """
    rules = {
        "RMSProp": "rmsprop[learning_rate=0.01, decay=0.1]",
        "AMSGrad": "torch.optim:Adam[learning_rate=0.01, betas=(0, 0.1), amsgrad=true]",
    }
    budgets = (30, 100, 300, 1_000, 4_000)

    def ends_of(rule: str, budget: int) -> Tensor:
        generator = Generator().manual_seed(0)

        def loss(theta: Tensor) -> Tensor:
            is_steep = torch.rand(theta.shape, generator=generator) < 1 / 3
            return (torch.where(is_steep, 4.0, -1.0) * theta.clamp(-1, 1)).sum()

        return benchbed.minimize(loss, torch.zeros(100, dtype=torch.float64), rule, steps=budget).theta

    ends = {name: [ends_of(rule, budget) for budget in budgets] for name, rule in rules.items()}
    signs = [of_rule[-1].sign().mean().item() for of_rule in ends.values()]
    means: dict[str, list[Mean]] = {
        name: [mean_of(theta.clamp(-1, 1)) for theta in thetas] for name, thetas in ends.items()
    }
    return Finding(
        "slopes 4 (a third of the draws) and −1 on [−1, 1]: mean sign of 100 ends of RMSProp and of AMSGrad",
        "1, -1",
        ", ".join(f"{sign:g}" for sign in signs),
        signs == [1.0, -1.0],
        "Reddi, Kale & Kumar (2018), section 3",
        Panel(
            "Slope 4 in a third of the draws, otherwise −1: mean of 100 trials, cut to [−1, 1]",
            "steps",
            "θ",
            [series_of_means(name, budgets, of_rule) for name, of_rule in means.items()],
            bounds={"minimizer": -1.0},
            log_x=True,
            log_y=False,
        ),
    )
