"""Findings about rules: rates, identities, noise floors and schedules."""

import math
from collections.abc import Callable, Iterator

import torch
from findings_record import Finding, near
from torch import Generator, Tensor

import benchbed
from benchbed.interfaces import Optimizer, Oracle
from benchbed_problems.noisy_quadratic import NoisyQuadratic


def quadratic(condition: float) -> Callable[[Tensor], Tensor]:
    """Return ½ (θ₁² + κ θ₂²)."""
    eigenvalues = torch.tensor([1.0, condition], dtype=torch.float64)
    return lambda theta: 0.5 * (eigenvalues * theta.square()).sum()


def rate_of(optimizer: str, condition: float, steps: int) -> float:
    """Return the factor per step by which the distance to the minimum shrinks, over the second half of the steps."""
    losses = benchbed.minimize(quadratic(condition), [2.0, 2.0], optimizer, steps=steps).losses
    half = len(losses) // 2
    return float((losses[-1] / losses[half]) ** (0.5 / (len(losses) - 1 - half)))


def linear_rates() -> Iterator[Finding]:
    """Rates of gradient descent, heavy ball and Nesterov's method on quadratics with the best parameters."""
    for condition in (100.0, 1_000.0):
        root = math.sqrt(condition)
        step = 2 / (1 + condition)
        yield near(
            f"gradient descent shrinks the error by (κ−1)/(κ+1) a step, κ = {condition:g}",
            (condition - 1) / (condition + 1),
            rate_of(f"gd[learning_rate={step}]", condition, 400),
            1e-6,
        )
        beta = ((root - 1) / (root + 1)) ** 2
        step = 4 / (root + 1) ** 2 / (1 - beta)
        # A double eigenvalue adds a factor t, which a few hundred steps do not outweigh entirely.
        yield near(
            f"heavy ball shrinks it by (√κ−1)/(√κ+1), κ = {condition:g}",
            (root - 1) / (root + 1),
            rate_of(f"momentum[learning_rate={step}, beta={beta}]", condition, 100 * round(root) // 10 * 4),
            0.01,
        )
    beta = 9 / 11
    step = 0.01 / (1 - beta)
    yield near(
        "Nesterov's method shrinks it by 1 − 1/√κ, κ = 100",
        0.9,
        rate_of(f"nesterov[learning_rate={step}, beta={beta}]", 100.0, 600),
        0.01,
    )


def signs_and_decay() -> Iterator[Finding]:
    """Identities of Adam and AdamW."""
    losses = {
        name: benchbed.minimize(quadratic(100), [2.0, 3.0], name, steps=50)
        for name in ("adam", "adamw[weight_decay=0]", "adam[beta1=0, beta2=0, epsilon=1e-300]")
    }
    adam, decayed, signs = losses.values()
    first = benchbed.minimize(quadratic(100), [2.0, 3.0], "adam[learning_rate=0.1]", steps=1).theta
    yield near("Adam's first step is as long as its rate", 0.1, (2.0 - first[0]).item(), 1e-8)
    equal = torch.equal(adam.theta, decayed.theta) and torch.equal(adam.losses, decayed.losses)
    yield Finding(
        "AdamW without weight decay equals Adam to the bit", "equal", "equal" if equal else "different", equal
    )
    theta = torch.tensor([2.0, 3.0], dtype=torch.float64)
    for _ in range(50):
        theta = theta - 1e-3 * theta.sign()
    yield near(
        "Adam with β₁ = β₂ = 0 is sign descent (largest difference after 50 steps)",
        0,
        (signs.theta - theta).abs().max().item(),
        1e-12,
    )
    weights = torch.tensor([1.0, -3.0, 0.5], dtype=torch.float64)
    end = benchbed.minimize(
        lambda theta: (weights * theta).sum(),
        [0.0] * 3,
        "adamw[learning_rate=0.1, weight_decay=0.5]",
        steps=2_000,
    )
    yield near("AdamW on a linear loss ends at |θ| = 1/λ", 2, end.theta.abs().max().item(), 1e-3)


def noise_floors() -> Iterator[Finding]:
    """Stationary losses of SGD and heavy ball under noise, and the noisy quadratic model's table."""
    eigenvalues, trials = torch.tensor([1.0, 4.0, 10.0], dtype=torch.float64), 4_000
    rate, beta = 0.05, 0.9
    floor = 0.5 * rate * (1 / (2 - rate * eigenvalues)).sum().item()
    heavy_rate = rate * (1 - beta)
    # The variance of θ under heavy ball with step a and momentum β: a (1 + β) / (λ (1 − β) (2 (1 + β) − a λ)).
    variances = (
        heavy_rate * (1 + beta) / (eigenvalues * (1 - beta) * (2 * (1 + beta) - heavy_rate * eigenvalues))
    )
    heavy_floor = 0.5 * (eigenvalues * variances).sum().item()
    rules = {
        f"sgd[learning_rate={rate}]": (
            "SGD's loss under noise of variance 1 ends at ½ η Σ 1/(2 − ηλ)",
            floor,
        ),
        f"momentum[learning_rate={rate}, beta={beta}]": (
            "heavy ball's likewise, by its own formula",
            heavy_floor,
        ),
    }
    for optimizer, (sentence, expected) in rules.items():
        generator = Generator().manual_seed(0)

        def loss(theta: Tensor) -> Tensor:
            noise = torch.randn(theta.shape, generator=generator, dtype=torch.float64)  # noqa: B023 (used at once)
            return (0.5 * eigenvalues * theta.square() + noise * theta).sum()

        end = benchbed.minimize(loss, torch.zeros(trials, 3, dtype=torch.float64), optimizer, steps=400).theta
        ends = 0.5 * (eigenvalues * end.square()).sum(-1)
        yield near(sentence, expected, ends.mean().item(), 3 * (ends.std() / math.sqrt(trials)).item())
    for batch_size, expected in ((1, 0.793845), (64, 0.120381)):
        yield _noisy_quadratic(NoisyQuadratic(batch_size=batch_size), expected, trials=200)


def _noisy_quadratic(problem: NoisyQuadratic, expected: float, trials: int) -> Finding:
    generators = [Generator().manual_seed(seed) for seed in range(trials)]
    leaves = zip(*(problem.make_data(generator) for generator in generators), strict=True)
    data = type(problem.make_data(generators[0]))(*(torch.stack(leaf) for leaf in leaves))
    start = torch.stack([problem.make_start(generator) for generator in generators])
    end = benchbed.minimize(
        lambda theta: problem.loss(theta, data, problem.make_draws(generators[0], trials)).sum(),
        start,
        "sgd[learning_rate=0.5]",
        steps=100,
    )
    losses = problem.objective(end.theta, data)
    error = 4 * (losses.std() / math.sqrt(trials)).item()
    sentence = f"noisy quadratic, batch {problem.batch_size}: expected loss of SGD after 100 steps"
    return near(sentence, expected, losses.mean().item(), error)


SCHEDULES: dict[str, Callable[[Tensor], Tensor]] = {
    "constant": torch.ones_like,
    "linear decay": lambda progress: 1 - progress,
    "cosine": lambda progress: 0.5 * (1 + torch.cos(math.pi * progress)),
}


def large_rates() -> Iterator[Finding]:
    """A rate that is too large costs most with a constant schedule and least with a cosine."""
    costs = {}
    for name, schedule in SCHEDULES.items():
        small, middle, large = (_noisy_end(schedule, rate) for rate in (0.08, 0.16, 1.28))
        costs[name] = large / min(small, middle)
    yield Finding(
        "convex problem with noise, 8 to 16 times too large a rate: factors of the loss under constant, linear and "
        "cosine schedules",
        "falling, the first above 8, the others below 3",
        ", ".join(f"{cost:.2f}" for cost in costs.values()),
        costs["constant"] > 8 and 3 > costs["linear decay"] > costs["cosine"],
    )


def _noisy_end(schedule: Callable[[Tensor], Tensor], rate: float) -> float:
    """Return the mean loss of 64 trials after 400 steps of SGD on ½ Σ θᵢ² / i with noise of variance 1."""
    curvature = 1 / torch.arange(1, 21, dtype=torch.float64)
    generator = Generator().manual_seed(0)

    def loss(theta: Tensor) -> Tensor:
        noise = torch.randn(theta.shape, generator=generator, dtype=torch.float64)
        return (0.5 * curvature * theta.square() + noise * theta).sum()

    def update(oracle: Oracle, state: tuple[()], theta: Tensor) -> tuple[Tensor, tuple[()]]:
        return theta - rate * schedule(oracle.progress) * oracle.gradient, state

    start = torch.full((64, 20), 3.0, dtype=torch.float64)
    end = benchbed.minimize(loss, start, Optimizer(init=lambda theta: (), update=update), steps=400).theta
    return (0.5 * curvature * end.square()).sum(-1).mean().item()
