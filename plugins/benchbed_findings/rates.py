"""Findings about rules: rates, identities, noise floors and schedules."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Generator, Tensor

import benchbed
from benchbed_findings.record import Finding, near
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
    for condition, steps in ((100.0, 400), (1_000.0, 1_280)):
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
        yield near(
            f"heavy ball shrinks it by (√κ−1)/(√κ+1), times 2^(2/n) in the second half of n = {steps} steps, "
            f"κ = {condition:g}",
            _factor_of_double_eigenvalue((root - 1) / (root + 1), steps),
            rate_of(f"momentum[learning_rate={step}, beta={beta}]", condition, steps),
            1e-4,
        )
    beta = 9 / 11
    step = 0.01 / (1 - beta)
    yield near(
        "Nesterov's method shrinks it by 1 − 1/√κ, times 2^(2/n) in the second half of n = 600 steps, κ = 100",
        _factor_of_double_eigenvalue(0.9, 600),
        rate_of(f"nesterov[learning_rate={step}, beta={beta}]", 100.0, 600),
        1e-4,
    )


def _factor_of_double_eigenvalue(rate: float, steps: int) -> float:
    """Return the mean factor per step over the second half of the steps, for an error that shrinks as t · rateᵗ."""
    return float(rate * 2 ** (2 / steps))


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
    yield near(
        "AdamW on a linear loss w · θ ends at −sign(w)/λ (largest difference)",
        0,
        (end.theta + 2 * weights.sign()).abs().max().item(),
        1e-3,
    )


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
        yield near(sentence, expected, ends.mean().item(), 3 * _standard_error(ends))
    for batch_size in (1, 64):
        yield _noisy_quadratic(NoisyQuadratic(batch_size=batch_size), rate=0.5, steps=100, trials=2_000)


def _noisy_quadratic(problem: NoisyQuadratic, rate: float, steps: int, trials: int) -> Finding:
    """Compare trials on one instance with ½ Σ hᵢ E zᵢ², which is the same for all instances."""
    generator = Generator().manual_seed(0)
    data = problem.make_data(generator)
    end = benchbed.minimize(
        lambda theta: problem.loss(theta, data, problem.make_draws(generator, trials)).sum(),
        torch.stack([problem.make_start(generator)] * trials),
        f"sgd[learning_rate={rate}]",
        steps=steps,
    )
    losses = problem.objective(end.theta, data)
    h = data.eigenvalues
    remaining = (1 - rate * h) ** (2 * steps)
    stationary = rate / (problem.batch_size * (2 - rate * h))
    expected = (0.5 * h * (remaining + stationary * (1 - remaining))).sum().item()
    sentence = f"noisy quadratic, batch {problem.batch_size}: expected loss of SGD after {steps} steps"
    return near(sentence, expected, losses.mean().item(), 3 * _standard_error(losses))


def _standard_error(losses: Tensor) -> float:
    return (losses.std() / math.sqrt(len(losses))).item()


CURVATURES = 1 / torch.arange(1, 21, dtype=torch.float64)
START, STEPS, TRIALS = 3.0, 400, 500
SCHEDULES: dict[str, Callable[[Tensor], Tensor]] = {
    "constant(sgd, warmup=0)": torch.ones_like,
    "linear(sgd)": lambda progress: 1 - progress,
    "cosine(sgd)": lambda progress: 0.5 * (1 + torch.cos(math.pi * progress)),
}


def large_rates() -> Iterator[Finding]:
    """A rate that is too large costs most with a constant schedule and least with a cosine."""
    expected, measured, agree = {}, {}, True
    for rule, schedule in SCHEDULES.items():
        best = min((0.02 * 2 ** (k / 8) for k in range(40)), key=lambda rate: _expected_end(schedule, rate))
        exact = [_expected_end(schedule, rate) for rate in (best, 8 * best)]
        losses = [_simulated_ends(rule, rate) for rate in (best, 8 * best)]
        agree &= all(
            abs(simulated.mean().item() - loss) <= 3 * _standard_error(simulated)
            for simulated, loss in zip(losses, exact, strict=True)
        )
        expected[rule] = exact[1] / exact[0]
        measured[rule] = (losses[1].mean() / losses[0].mean()).item()
    constant, linear, cosine = measured.values()
    yield Finding(
        "½ Σ θᵢ²/i with noise, 8 times the best rate of each schedule: factors of the loss under constant, linear and "
        "cosine schedules",
        ", ".join(f"{cost:.2f}" for cost in expected.values()),
        ", ".join(f"{cost:.2f}" for cost in measured.values()),
        agree and constant > 2 * linear and linear > cosine,
    )


def _expected_end(schedule: Callable[[Tensor], Tensor], rate: float) -> float:
    """Return the expected last loss of SGD with noise of variance 1, from the recursion of E θᵢ²."""
    second_moment = torch.full_like(CURVATURES, START**2)
    for step in rate * schedule(torch.arange(STEPS, dtype=torch.float64) / STEPS):
        second_moment = (1 - step * CURVATURES) ** 2 * second_moment + step**2
    return (0.5 * CURVATURES * second_moment).sum().item()


def _simulated_ends(rule: str, rate: float) -> Tensor:
    """Return the last losses of SGD: `[trials]`."""
    generator = Generator().manual_seed(0)

    def loss(theta: Tensor) -> Tensor:
        noise = torch.randn(theta.shape, generator=generator, dtype=torch.float64)
        return (0.5 * CURVATURES * theta.square() + noise * theta).sum()

    start = torch.full((TRIALS, len(CURVATURES)), START, dtype=torch.float64)
    end = benchbed.minimize(loss, start, f"{rule}[learning_rate={rate}]", steps=STEPS).theta
    return (0.5 * CURVATURES * end.square()).sum(-1)
