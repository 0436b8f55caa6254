"""Findings about worst cases: a lower bound that no rule may beat, and a loss on which Adam does not converge."""

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

import benchbed
from benchbed_findings.record import Finding

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
    """The gap after k gradients is at least (1/(k+1) − 1/(2k+2)) L/8 on Nesterov's function of 2k + 1 coordinates."""
    dimension = 2 * STEPS + 1

    def loss(theta: Tensor) -> Tensor:
        ends = theta[0].square() + theta[-1].square()
        return 0.25 * (0.5 * (ends + theta.diff().square().sum()) - theta[0])

    optimum = (1 / (dimension + 1) - 1) / 8
    bound = (1 / (STEPS + 1) - 1 / (dimension + 1)) / 8
    start = torch.zeros(dimension, dtype=torch.float64)
    gaps = [benchbed.minimize(loss, start, rule, steps=STEPS).loss - optimum for rule in SPAN_RULES]
    nearest = min(gaps) / bound
    return Finding(
        f"Nesterov's worst function, {STEPS} gradients: lowest gap of {len(SPAN_RULES)} rules over the bound "
        "L/(16(k+1))",
        "at least 1, below 2",
        f"{nearest:.3f}",
        1 <= nearest < 2,
    )


def _wrong_direction() -> Finding:
    """The slope is 4 in a third of the draws and −1 in the others, so that the mean loss is lowest at θ = −1.

    Outside [−1, 1] it is constant, and trials stay where they leave the interval.
    """
    ends = []
    for rule in (
        "rmsprop[learning_rate=0.01, decay=0.1]",
        "torch.optim:Adam[learning_rate=0.01, betas=(0, 0.1), amsgrad=true]",
    ):
        generator = Generator().manual_seed(0)

        def loss(theta: Tensor) -> Tensor:
            is_steep = torch.rand(theta.shape, generator=generator) < 1 / 3  # noqa: B023 (used at once)
            return (torch.where(is_steep, 4.0, -1.0) * theta.clamp(-1, 1)).sum()

        end = benchbed.minimize(loss, torch.zeros(100, dtype=torch.float64), rule, steps=4_000).theta
        ends.append(end.sign().mean().item())
    return Finding(
        "slopes 4 (a third of the draws) and −1 on [−1, 1]: mean end of 100 trials of RMSProp and of AMSGrad",
        "1, -1",
        ", ".join(f"{end:g}" for end in ends),
        ends == [1.0, -1.0],
    )
