"""Findings about accuracies: a quasi-Newton method reaches those that first-order rules do not."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Generator

import benchbed
from benchbed.interfaces import Problem
from benchbed_findings.evaluations import recorded
from benchbed_findings.record import Finding, Panel, Series
from benchbed_problems.poisson_pinn import PoissonPinn
from benchbed_problems.rosenbrock import Rosenbrock

VALLEY_RULES = {"gd": (3e-3, 4e-3, 5e-3), "momentum": (5e-3, 1e-2, 2e-2), "adam": (0.3, 0.6, 1.0)}
NETWORK_RULES = {"gd": (0.3, 1.0, 2.0), "nesterov": (1.0, 3.0, 10.0), "adam": (0.03, 0.06, 0.1)}
"""First-order rules with rates around the best of each."""


class Run(NamedTuple):
    """The lowest loss of all points, the last one included, and the losses whose gradients were computed."""

    lowest: float
    losses: list[float]


def accuracies() -> Iterator[Finding]:
    """A quasi-Newton method reaches accuracies that first-order rules do not, in a valley and on a PINN."""
    cases = (
        (Rosenbrock(start=(-1.2, 1.0)), VALLEY_RULES, 80, (1e-3, 1e-8), "Rosenbrock's valley", "own bounds"),
        (
            PoissonPinn(), NETWORK_RULES, 600, (1.5e-5, 1e-5), "Poisson's equation by a network",
            "Rathore et al. (2024); own bounds",
        ),
    )  # fmt: skip
    for problem, rules, steps, (above, below), label, source in cases:
        runs = {
            name: min(
                (_run(problem, f"{name}[learning_rate={rate}]", steps) for rate in rates),
                key=lambda run: run.lowest,
            )
            for name, rates in rules.items()
        }
        first_order = min(run.lowest for run in runs.values())
        runs["lbfgs"] = quasi_newton = _run(problem, "lbfgs", steps)
        yield Finding(
            f"{label}, {steps} gradients: lowest loss of {', '.join(rules)} at three rates each, at any point, "
            "and of L-BFGS",
            f"above {above:g}, below {below:g}",
            f"{first_order:.2g}, {quasi_newton.lowest:.1e}",
            first_order > above and quasi_newton.lowest < below,
            source,
            Panel(
                label,
                "points whose gradients are computed",
                "loss",
                [Series(name, range(1, len(run.losses) + 1), run.losses) for name, run in runs.items()],
                bounds={"bound of first-order rules": above, "bound of L-BFGS": below},
            ),
        )


def _run(problem: Problem, rule: str, steps: int) -> Run:
    """Run a rule on the instance of seed 0, and record the loss of each gradient, those of line searches included."""
    data, start = problem.shared_data(), problem.make_start(Generator().manual_seed(0))
    loss, losses = recorded(
        lambda theta: problem.objective(theta, data), lambda theta: problem.objective(theta, data).item()
    )
    end = benchbed.minimize(loss, start, rule, steps=steps).loss
    return Run(min(end, *losses), losses)
