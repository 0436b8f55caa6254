"""Findings about batch sizes: larger batches save steps up to a critical size, above which only momentum helps."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

import benchbed
from benchbed_findings.evaluations import recorded
from benchbed_findings.record import Finding, Panel, Series, mean_of
from benchbed_problems.noisy_quadratic import NoisyQuadratic

SOURCE = "Zhang et al. (2019)"
DIMENSION, TARGET, LIMIT = 20, 0.1, 4_000
BATCHES = tuple(2**power for power in range(11))
SIMULATED = (1, 2, 8, 32, 128, 512, 1_024)
TRIALS = 1_000
RATES = torch.logspace(-3, 2, 101, dtype=torch.float64)
BETAS = {"SGD": torch.zeros(1), "heavy ball": torch.tensor([0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95])}


class Best(NamedTuple):
    """The parameters with the fewest steps to the target, and these steps."""

    steps: int
    rate: float
    beta: float


class Crossing(NamedTuple):
    """Steps after which a simulated mean, and the ends of its interval, reach the target."""

    steps: int
    low: int
    high: int


def critical_batch() -> Iterator[Finding]:
    """Steps to a loss of 0.1 with the best constant parameters at each batch size, exact and simulated."""
    best = {
        rule: [_best(batch_size, betas.double()) for batch_size in BATCHES] for rule, betas in BETAS.items()
    }
    crossings = {
        rule: [_simulate(batch_size, of_rule[BATCHES.index(batch_size)]) for batch_size in SIMULATED]
        for rule, of_rule in best.items()
    }
    panel: Panel | None = Panel(
        f"Noisy quadratic of dimension {DIMENSION}: steps to a loss of {TARGET} with the best parameters",
        "batch size",
        "steps",
        [
            Series(
                rule,
                SIMULATED,
                [crossing.steps for crossing in of_rule],
                ([crossing.low for crossing in of_rule], [crossing.high for crossing in of_rule]),
                (BATCHES, [setting.steps for setting in best[rule]]),
            )
            for rule, of_rule in crossings.items()
        ],
        "exact recursion",
        log_x=True,
    )
    sizes = ", ".join(map(str, SIMULATED))
    for rule, of_rule in crossings.items():
        exact = [best[rule][BATCHES.index(batch_size)].steps for batch_size in SIMULATED]
        yield Finding(
            f"noisy quadratic: steps of {rule} with its best parameters to a loss of {TARGET}, batches {sizes}",
            ", ".join(map(str, exact)),
            ", ".join(f"{crossing.steps} [{crossing.low}, {crossing.high}]" for crossing in of_rule),
            all(
                crossing.low <= steps <= crossing.high for steps, crossing in zip(exact, of_rule, strict=True)
            ),
            SOURCE,
            panel,
        )
        panel = None
    yield from _savings(*([crossing.steps for crossing in of_rule] for of_rule in crossings.values()))


def _savings(sgd: Sequence[int], heavy_ball: Sequence[int]) -> Iterator[Finding]:
    """Factors that a larger batch and momentum save, from the steps at the sizes `SIMULATED`."""
    doubled, saturated = sgd[0] / sgd[1], sgd[-2] / sgd[-1]
    yield Finding(
        f"likewise, factors that SGD saves from batch {SIMULATED[0]} to {SIMULATED[1]}, and from {SIMULATED[-2]} to "
        f"{SIMULATED[-1]}",
        "2 ± 0.3, below 1.2",
        f"{doubled:.2f}, {saturated:.2f}",
        abs(doubled - 2) <= 0.3 and saturated < 1.2,
        SOURCE,
    )
    small, large = sgd[0] / heavy_ball[0], sgd[-1] / heavy_ball[-1]
    yield Finding(
        f"likewise, steps of SGD over those of heavy ball at batches {SIMULATED[0]} and {SIMULATED[-1]}",
        "below 1.1, above 1.5",
        f"{small:.2f}, {large:.2f}",
        small < 1.1 and large > 1.5,
        SOURCE,
    )


def _best(batch_size: int, betas: Tensor) -> Best:
    """Return the fewest steps of heavy ball to the target, from the recursion of E z², E z m and E m².

    A step is m ← β m + (1 − β) (h z + noise), z ← z − η m.
    """
    h = 1 / torch.arange(1, DIMENSION + 1, dtype=torch.float64)
    rate, beta = RATES[:, None, None], betas[:, None]
    zz = torch.ones(len(RATES), len(betas), DIMENSION, dtype=torch.float64)
    zm = mm = torch.zeros_like(zz)
    for steps in range(1, LIMIT + 1):
        mm = beta**2 * mm + 2 * beta * (1 - beta) * h * zm + (1 - beta) ** 2 * (h**2 * zz + h / batch_size)
        cross = beta * zm + (1 - beta) * h * zz  # of z and the next m
        zz = zz - 2 * rate * cross + rate**2 * mm
        zm = cross - rate * mm
        losses = (0.5 * h * zz).sum(-1)
        if (losses <= TARGET).any():
            row, column = divmod(int(losses.nan_to_num(torch.inf).argmin()), len(betas))
            return Best(steps, RATES[row].item(), betas[column].item())
    raise ArithmeticError(
        f"no parameters reach a loss of {TARGET} within {LIMIT} steps at batch {batch_size}"
    )


def _simulate(batch_size: int, best: Best) -> Crossing:
    """Return the steps after which the mean loss of trials on one instance reaches the target."""
    problem = NoisyQuadratic(dimension=DIMENSION, batch_size=batch_size, rotated=False)
    generator = Generator().manual_seed(0)
    data = problem.make_data(generator)
    loss, means = recorded(
        lambda theta: problem.loss(theta, data, problem.make_draws(generator, TRIALS)).sum(),
        lambda theta: mean_of(problem.objective(theta, data)),
    )
    benchbed.minimize(
        loss,
        torch.stack([problem.make_start(generator)] * TRIALS),
        f"momentum[learning_rate={best.rate!r}, beta={best.beta!r}]",
        steps=2 * best.steps + 10,
    )
    curves = torch.tensor([(mean.value, *mean.interval) for mean in means])
    return Crossing(*(curves <= TARGET).int().argmax(0).tolist())
