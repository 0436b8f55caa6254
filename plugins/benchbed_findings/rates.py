"""Findings about rates: how fast gradient descent, heavy ball and Nesterov's method shrink the error on a quadratic."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

import benchbed
from benchbed_findings.record import Finding, Panel, Series, near


class Method(NamedTuple):
    """A rule with its best parameters, and the factor by which a step shrinks the distance to the minimum."""

    name: str
    formula: str
    rule: str
    steps: int
    rate: float
    tolerance: float
    source: str
    is_double: bool = True
    """Whether the slowest eigenvalue of the iteration is a double one, so that the distance falls as t · rateᵗ."""

    @property
    def expected(self) -> float:
        """Mean factor per step over the second half of the steps."""
        return float(self.rate * 2 ** (2 / self.steps)) if self.is_double else self.rate


def linear_rates() -> Iterator[Finding]:
    """Rates of gradient descent, heavy ball and Nesterov's method on quadratics with the best parameters."""
    for condition in (100.0, 1_000.0):
        measurements = [(method, *_measure(method, condition)) for method in _methods(condition)]
        panel: Panel | None = Panel(
            f"½ (θ₁² + κ θ₂²), κ = {condition:g}",
            "step",
            "loss",
            [series for _, _, series in measurements],
            "slope of the formula",
        )
        for method, rate, _ in measurements:
            factor = (
                f", times 2^(2/n) in the second half of n = {method.steps} steps" if method.is_double else ""
            )
            yield near(
                f"{method.name} shrinks the error by {method.formula} a step{factor}, κ = {condition:g}",
                method.expected,
                rate,
                method.tolerance,
                method.source,
                panel,
            )
            panel = None


def _methods(condition: float) -> list[Method]:
    """Return the methods for ½ (θ₁² + κ θ₂²)."""
    root, rate = math.sqrt(condition), (condition - 1) / (condition + 1)
    heavy_rate = (root - 1) / (root + 1)
    heavy_step = 4 / (root + 1) ** 2 / (1 - heavy_rate**2)
    methods = [
        Method(
            "gradient descent", "(κ−1)/(κ+1)", f"gd[learning_rate={2 / (1 + condition)}]", 400, rate, 1e-6,
            "Polyak (1964)", is_double=False,
        ),
        Method(
            "heavy ball", "(√κ−1)/(√κ+1)", f"momentum[learning_rate={heavy_step}, beta={heavy_rate**2}]",
            400 if condition == 100 else 1_280, heavy_rate, 1e-4, "Polyak (1964)",
        ),
    ]  # fmt: skip
    if condition == 100:
        beta = (root - 1) / (root + 1)
        methods.append(
            Method(
                "Nesterov's method", "1 − 1/√κ",
                f"nesterov[learning_rate={1 / condition / (1 - beta)}, beta={beta}]", 600, 1 - 1 / root, 1e-4,
                "Nesterov (1983)",
            )
        )  # fmt: skip
    return methods


def _measure(method: Method, condition: float) -> tuple[float, Series]:
    """Return the mean factor per step over the second half of the steps, and the losses."""
    losses = benchbed.minimize(quadratic(condition), [2.0, 2.0], method.rule, steps=method.steps).losses
    half, last = len(losses) // 2, len(losses) - 1
    rate = float((losses[-1] / losses[half]) ** (0.5 / (last - half)))
    slope = [(losses[half] * method.expected ** (2 * (step - half))).item() for step in (half, last)]
    return rate, Series(method.name, range(len(losses)), losses.tolist(), reference=((half, last), slope))


def quadratic(condition: float) -> Callable[[Tensor], Tensor]:
    """Return ½ (θ₁² + κ θ₂²)."""
    eigenvalues = torch.tensor([1.0, condition], dtype=torch.float64)
    return lambda theta: 0.5 * (eigenvalues * theta.square()).sum()
