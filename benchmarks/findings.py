"""Known findings about optimizers that benchbed must reproduce; exits with 1 if one does not come out.

    python benchmarks/findings.py

Each finding has a value from a closed form, a theorem or a paper. `docs/findings.md` shows the table that this prints.
"""

import math
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Generator, Tensor

import benchbed
from benchbed.interfaces import Problem
from benchbed_problems.block_quadratic import BlockQuadratic
from benchbed_problems.imbalanced_softmax import ImbalancedSoftmax
from benchbed_problems.noisy_quadratic import NoisyQuadratic
from benchbed_problems.rosenbrock import Rosenbrock
from benchbed_problems.runge import Runge
from benchbed_problems.zipf_bigram import ZipfBigram


class Finding(NamedTuple):
    """A sentence with the expected and the measured value, and whether they agree."""

    sentence: str
    expected: str
    measured: str
    holds: bool


def near(sentence: str, expected: float, measured: float, tolerance: float) -> Finding:
    """Return a finding that holds if both values differ by at most `tolerance`."""
    return Finding(sentence, f"{expected:.6g}", f"{measured:.6g}", abs(expected - measured) <= tolerance)


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


def tails() -> Iterator[Finding]:
    """Gradient descent depends on the vocabulary, sign descent hardly; rare classes wait for gradient descent."""
    for vocabulary in (100, 300):
        problem = ZipfBigram(vocabulary=vocabulary)
        data = problem.shared_data()
        rate = 1 / data.frequency[0].item()
        end = benchbed.minimize(
            lambda theta: problem.objective(theta, data),  # noqa: B023 (used at once)
            problem.make_start(Generator()),
            f"gd[learning_rate={rate!r}]",
            steps=100,
        )
        k = torch.arange(1, vocabulary + 1, dtype=torch.float64)
        closed = (((1 - 1 / k) ** 200 / k).sum() / (1 / k).sum()).item()
        gap = (problem.objective(end.theta, data) / end.losses[0]).item()
        sentence = f"Zipf bigram, {vocabulary} words: relative gap of gradient descent after 100 steps"
        yield near(sentence, closed, gap, 1e-12)
    rare = {
        rule: _rare_excess(rule)
        for rule in ("gd[learning_rate=0.1]", "adam[learning_rate=1e-3, beta1=0, beta2=0]")
    }
    ratio = rare["gd[learning_rate=0.1]"] / rare["adam[learning_rate=1e-3, beta1=0, beta2=0]"]
    yield Finding(
        "rare classes' excess loss, gradient descent over sign descent, at equal loss of the frequent class",
        "above 2",
        f"{ratio:.2f}",
        ratio > 2,
    )


def _rare_excess(rule: str) -> float:
    problem = ImbalancedSoftmax()
    data = problem.make_data(Generator().manual_seed(0))
    optimum, theta = problem.optimum(data), problem.make_start(Generator())
    goal = optimum + (problem.objective(theta, data) - optimum) / 5
    result: list[float] = []

    def loss(theta: Tensor) -> Tensor:
        if not result and problem.metrics["frequent-loss"](theta.detach(), data) <= goal:
            result.append((problem.metrics["rare-loss"](theta.detach(), data) - optimum).item())
        return problem.objective(theta, data)

    benchbed.minimize(loss, theta, rule, steps=500)
    return result[0]


def rotations() -> Iterator[Finding]:
    """Gradient descent does not depend on the basis of a quadratic; Adam's lead does."""
    ends = {}
    for rotation in (0.0, 1.0):
        problem = BlockQuadratic(rotation=rotation)
        data = problem.make_data(Generator().manual_seed(0))
        for name, rates in {"gd": (3e-4,), "adam": (0.03, 0.1, 0.3, 1.0)}.items():
            losses = [_end(problem, data, f"{name}[learning_rate={rate}]", 300) for rate in rates]
            ends[name, rotation] = min(losses)
    change = abs(ends["gd", 1.0] / ends["gd", 0.0] - 1)
    yield near("rotating the blocks changes the loss of gradient descent by a factor 1 +", 0, change, 1e-9)
    leads = [ends["gd", rotation] / ends["adam", rotation] for rotation in (0.0, 1.0)]
    yield Finding(
        "loss of gradient descent over that of Adam, along the axes and rotated",
        "above 10, below 10",
        f"{leads[0]:.3g}, {leads[1]:.3g}",
        leads[0] > 10 > leads[1],
    )


def _end(problem: Problem, data: object, rule: str, steps: int) -> float:
    start = problem.make_start(Generator().manual_seed(0))
    return benchbed.minimize(lambda theta: problem.objective(theta, data), start, rule, steps=steps).loss


def valleys_and_peaks() -> Iterator[Finding]:
    """Curved valleys need curvature, and the test loss peaks where parameters equal samples."""
    problem = Rosenbrock(start=(-1.2, 1.0))
    quasi_newton = _end(problem, None, "torch.optim:LBFGS[learning_rate=1, line_search_fn=strong_wolfe]", 100)
    first_order = _end(problem, None, "gd[learning_rate=1e-3]", 100)
    yield Finding(
        "Rosenbrock's valley, 100 gradients: losses of L-BFGS and gradient descent",
        "below 1e-6, above 1",
        f"{quasi_newton:.1e}, {first_order:.2g}",
        quasi_newton < 1e-6 and first_order > 1,
    )
    losses = {}
    for features in (5, 20, 60):
        fit = Runge(features=features, samples=20, basis="chebyshev")
        of_seeds = []
        for seed in range(20):
            data = fit.make_data(Generator().manual_seed(seed))
            solution = torch.linalg.lstsq(data.design, data.y.unsqueeze(-1), driver="gelsd").solution.squeeze(
                -1
            )
            of_seeds.append(fit.metrics["test-loss"](solution, data))
        losses[features] = torch.stack(of_seeds).median().item()
    yield Finding(
        "median test loss of polynomials with 5, 20 and 60 coefficients on 20 samples: a peak at 20",
        "peak",
        ", ".join(f"{loss:.2g}" for loss in losses.values()),
        losses[20] > 10 * max(losses[5], losses[60]),
    )


def findings() -> Iterator[Finding]:
    """Yield all findings."""
    for group in (linear_rates, signs_and_decay, noise_floors, tails, rotations, valleys_and_peaks):
        yield from group()


def main() -> int:
    """Print a markdown table; return 1 if a finding does not hold."""
    print("| finding | expected | measured | holds |\n|---|---|---|---|")
    failures = 0
    for finding in findings():
        print(
            f"| {finding.sentence} | {finding.expected} | {finding.measured} | {'yes' if finding.holds else 'NO'} |"
        )
        failures += not finding.holds
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
