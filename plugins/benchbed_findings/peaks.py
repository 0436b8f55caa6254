"""Findings about peaks: the test loss of a polynomial peaks where parameters equal samples."""

from collections.abc import Iterator
from typing import cast

import torch
from torch import Generator, Tensor

from benchbed_findings.record import Finding, Panel, Series
from benchbed_problems.runge import Runge

SAMPLES, SEEDS = 20, 20
COEFFICIENTS = (5, 8, 11, 14, 17, 19, 20, 21, 23, 26, 30, 40, 60)


def peaks() -> Iterator[Finding]:
    """The test loss of a polynomial peaks where parameters equal samples."""
    losses = torch.stack([_test_losses(features) for features in COEFFICIENTS])
    low, median, high = losses.quantile(torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64), dim=-1).tolist()
    before, peak, after = (median[COEFFICIENTS.index(features)] for features in (5, SAMPLES, 60))
    yield Finding(
        f"{SAMPLES} samples: median test loss of polynomials with 5, {SAMPLES} and 60 coefficients peaks at {SAMPLES}",
        "peak",
        f"{before:.2g}, {peak:.2g}, {after:.2g}",
        peak == max(median) and peak > 10 * max(before, after),
        "Belkin et al. (2019)",
        Panel(
            f"Polynomials of least norm on {SAMPLES} samples: median and quartiles of {SEEDS} instances",
            "coefficients",
            "test loss",
            [Series("test loss", COEFFICIENTS, median, (low, high))],
        ),
    )


def _test_losses(features: int) -> Tensor:
    """Return the test losses of the minimizers of the training loss: `[SEEDS]`."""
    problem = Runge(features=features, samples=SAMPLES, basis="chebyshev")
    losses = []
    for seed in range(SEEDS):
        data = problem.make_data(Generator().manual_seed(seed))
        losses.append(problem.metrics["test-loss"](cast(Tensor, problem.minimizer(data)), data))
    return torch.stack(losses)
