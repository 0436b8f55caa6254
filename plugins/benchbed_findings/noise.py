"""Findings about noise: floors of SGD and heavy ball, the noisy quadratic model, and its critical batch size."""

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

import benchbed
from benchbed_findings.record import Finding, Mean, Panel, mean_of, near_means, series_of_means
from benchbed_problems.noisy_quadratic import NoisyQuadratic

MODEL = "Zhang et al. (2019)"


def noise_floors() -> Iterator[Finding]:
    """Stationary losses of SGD and heavy ball under noise, and the noisy quadratic model's table."""
    yield from _floors()
    yield from _table()


def _floors() -> Iterator[Finding]:
    """Mean losses of SGD and heavy ball from the minimum, which rise to their floors."""
    eigenvalues, trials = torch.tensor([1.0, 4.0, 10.0], dtype=torch.float64), 4_000
    rate, beta = 0.05, 0.9
    heavy_rate = rate * (1 - beta)
    # The variance of θ under heavy ball with step a and momentum β: a (1 + β) / (λ (1 − β) (2 (1 + β) − a λ)).
    variances = (
        heavy_rate * (1 + beta) / (eigenvalues * (1 - beta) * (2 * (1 + beta) - heavy_rate * eigenvalues))
    )
    floors = {
        f"sgd[learning_rate={rate}]": 0.5 * rate * (1 / (2 - rate * eigenvalues)).sum().item(),
        f"momentum[learning_rate={rate}, beta={beta}]": 0.5 * (eigenvalues * variances).sum().item(),
    }
    steps = (1, 3, 10, 30, 100, 400)

    def mean_loss(rule: str, budget: int) -> Mean:
        generator = Generator().manual_seed(0)

        def loss(theta: Tensor) -> Tensor:
            noise = torch.randn(theta.shape, generator=generator, dtype=torch.float64)
            return (0.5 * eigenvalues * theta.square() + noise * theta).sum()

        start = torch.zeros(trials, 3, dtype=torch.float64)
        end = benchbed.minimize(loss, start, rule, steps=budget).theta
        return mean_of(0.5 * (eigenvalues * end.square()).sum(-1))

    means = {rule: [mean_loss(rule, budget) for budget in steps] for rule in floors}
    panel: Panel | None = Panel(
        f"½ (θ₁² + 4 θ₂² + 10 θ₃²) with noise, from the minimum: mean of {trials} trials",
        "steps",
        "loss",
        [
            series_of_means(label, steps, means[rule], ((steps[0], steps[-1]), (floor, floor)))
            for label, (rule, floor) in zip(("SGD", "heavy ball, β = 0.9"), floors.items(), strict=True)
        ],
        "floor by the formula",
        log_x=True,
        log_y=False,
    )
    sentences = (
        "SGD's loss under noise of variance 1 ends at ½ η Σ 1/(2 − ηλ)",
        "heavy ball's likewise, by its own formula",
    )
    for sentence, (rule, floor) in zip(sentences, floors.items(), strict=True):
        yield near_means(sentence, [floor], means[rule][-1:], MODEL, panel)
        panel = None


CASES = ((100, 0.5, 1), (100, 0.5, 64), (1_000, 1.0, 64))
"""Dimensions, learning rates and batch sizes."""
TABLE_STEPS, TABLE_TRIALS = (1, 10, 100, 1_000), 200


def _table() -> Iterator[Finding]:
    """Mean losses of SGD on one instance and ½ Σ hᵢ E zᵢ², which is the same for all instances."""
    series, findings = [], []
    for dimension, rate, batch_size in CASES:
        problem = NoisyQuadratic(dimension=dimension, batch_size=batch_size, rotated=dimension == 100)
        label = f"dimension {dimension}, batch {batch_size}, rate {rate:g}"
        means = [
            mean_of(simulated_losses(problem, f"sgd[learning_rate={rate}]", steps, TABLE_TRIALS))
            for steps in TABLE_STEPS
        ]
        curve_steps = torch.logspace(0, 3, 60, dtype=torch.float64).round().unique()
        curve = expected_losses(problem, rate, curve_steps)
        series.append(series_of_means(label, TABLE_STEPS, means, (curve_steps.tolist(), curve.tolist())))
        findings.append(
            near_means(
                f"noisy quadratic, {label}: expected loss of SGD after 1, 10, 100 and 1000 steps",
                expected_losses(problem, rate, torch.tensor(TABLE_STEPS)).tolist(),
                means,
                MODEL,
            )
        )
    panel = Panel(
        f"Noisy quadratic under SGD: mean of {TABLE_TRIALS} trials",
        "steps",
        "loss",
        series,
        log_x=True,
    )
    yield findings[0]._replace(panel=panel)
    yield from findings[1:]


def expected_losses(problem: NoisyQuadratic, rate: float, steps: Tensor) -> Tensor:
    """Return ½ Σ hᵢ E zᵢ² of SGD from zᵢ = ±1 after `steps: [...]`."""
    h = problem.make_data(Generator()).eigenvalues
    remaining = (1 - rate * h) ** (2 * steps.unsqueeze(-1))
    stationary = rate / (problem.batch_size * (2 - rate * h))
    return (0.5 * h * (remaining + stationary * (1 - remaining))).sum(-1)


def simulated_losses(problem: NoisyQuadratic, rule: str, steps: int, trials: int) -> Tensor:
    """Return the losses of the answers of trials on one instance: `[trials]`."""
    generator = Generator().manual_seed(0)
    data = problem.make_data(generator)
    end = benchbed.minimize(
        lambda theta: problem.loss(theta, data, problem.make_draws(generator, trials)).sum(),
        torch.stack([problem.make_start(generator)] * trials),
        rule,
        steps=steps,
    )
    return problem.objective(end.theta, data)
