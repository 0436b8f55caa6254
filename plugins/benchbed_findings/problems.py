"""Findings about problems: tails, rotations, accuracies, peaks and convolution."""

import math
from collections.abc import Iterator
from typing import cast

import torch
from torch import Generator, Tensor

import benchbed
from benchbed.interfaces import Problem
from benchbed_findings.record import Finding, near
from benchbed_problems.block_quadratic import BlockQuadratic
from benchbed_problems.imbalanced_softmax import ImbalancedSoftmax
from benchbed_problems.mnist1d import Mnist1d
from benchbed_problems.poisson_pinn import PoissonPinn
from benchbed_problems.rosenbrock import Rosenbrock
from benchbed_problems.runge import Runge
from benchbed_problems.zipf_bigram import ZipfBigram


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
    rules = ("gd[learning_rate=0.1]", "adam[learning_rate=1e-3, beta1=0, beta2=0]")
    ratios = []
    for seed in range(10):
        gradient_descent, sign_descent = (rare_excess(rule, seed) for rule in rules)
        ratios.append(gradient_descent / sign_descent)
    mean = sum(ratios) / len(ratios)
    yield Finding(
        "rare classes' excess loss, gradient descent over sign descent, at equal loss of the frequent class: mean and "
        "lowest of ten instances",
        "above 2, above 1.5",
        f"{mean:.2f}, {min(ratios):.2f}",
        mean > 2 and min(ratios) > 1.5,
    )


def rare_excess(rule: str, seed: int, steps: int = 500) -> float:
    """Return the rare classes' excess loss when that of the frequent class is a fifth of the start's, or NaN."""
    problem = ImbalancedSoftmax()
    data = problem.make_data(Generator().manual_seed(seed))
    optimum, start = problem.optimum(data), problem.make_start(Generator())
    goal = optimum + (problem.objective(start, data) - optimum) / 5
    excesses: list[float] = []

    def loss(theta: Tensor) -> Tensor:
        if not excesses and problem.metrics["frequent-loss"](theta.detach(), data) <= goal:
            excesses.append((problem.metrics["rare-loss"](theta.detach(), data) - optimum).item())
        return problem.objective(theta, data)

    benchbed.minimize(loss, start, rule, steps=steps)
    return excesses[0] if excesses else math.nan


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


VALLEY_RULES = {"gd": (3e-3, 4e-3, 5e-3), "momentum": (5e-3, 1e-2, 2e-2), "adam": (0.3, 0.6, 1.0)}
NETWORK_RULES = {"gd": (0.3, 1.0, 2.0), "nesterov": (1.0, 3.0, 10.0), "adam": (0.03, 0.06, 0.1)}
"""First-order rules with rates around the best of each."""


def accuracies() -> Iterator[Finding]:
    """A quasi-Newton method reaches accuracies that first-order rules do not, in a valley and on a PINN."""
    cases = (
        (Rosenbrock(start=(-1.2, 1.0)), VALLEY_RULES, 80, (1e-2, 1e-8), "Rosenbrock's valley"),
        (PoissonPinn(), NETWORK_RULES, 600, (3e-4, 3e-5), "Poisson's equation by a network"),
    )
    for problem, rules, steps, (above, below), label in cases:
        data = problem.shared_data()
        first_order = min(
            _end(problem, data, f"{name}[learning_rate={rate}]", steps)
            for name, rates in rules.items()
            for rate in rates
        )
        quasi_newton = _end(problem, data, "lbfgs", steps)
        yield Finding(
            f"{label}, {steps} gradients: lowest loss of {', '.join(rules)} at three rates each, and loss of L-BFGS",
            f"above {above:g}, below {below:g}",
            f"{first_order:.2g}, {quasi_newton:.1e}",
            first_order > above and quasi_newton < below,
        )


def peaks() -> Iterator[Finding]:
    """The test loss of a polynomial peaks where parameters equal samples."""
    losses = {}
    for features in (5, 20, 60):
        fit = Runge(features=features, samples=20, basis="chebyshev")
        of_seeds = []
        for seed in range(20):
            data = fit.make_data(Generator().manual_seed(seed))
            of_seeds.append(fit.metrics["test-loss"](cast(Tensor, fit.minimizer(data)), data))
        losses[features] = torch.stack(of_seeds).median().item()
    yield Finding(
        "median test loss of polynomials with 5, 20 and 60 coefficients on 20 samples: a peak at 20",
        "peak",
        ", ".join(f"{loss:.2g}" for loss in losses.values()),
        losses[20] > 10 * max(losses[5], losses[60]),
    )


PUBLISHED = (0.32, 0.68, 0.94, 0.56)
"""Accuracies on MNIST-1D of a linear map, an MLP, a CNN, and a CNN on shuffled positions."""
SAMPLING_ERROR = 0.03
"""Two standard errors of an accuracy near a half on a test set of 1 000."""


def networks() -> Iterator[Finding]:
    """Convolution helps on MNIST-1D, and only where neighbours mean something."""
    problems = (
        Mnist1d(network="linear"),
        Mnist1d(network="mlp"),
        Mnist1d(network="cnn"),
        Mnist1d(network="cnn", shuffled=True),
    )
    accuracies = [_train(problem) for problem in problems]
    yield Finding(
        "MNIST-1D, accuracies of a linear map, an MLP, a CNN, and a CNN on shuffled positions",
        ", ".join(f"{accuracy:.2f}" for accuracy in PUBLISHED),
        ", ".join(f"{accuracy:.3f}" for accuracy in accuracies),
        all(
            abs(accuracy - published) <= SAMPLING_ERROR
            for accuracy, published in zip(accuracies, PUBLISHED, strict=True)
        ),
    )


def _train(problem: Mnist1d) -> float:
    """Return the accuracy on the test signals after 100 epochs of Adam with the published rate."""
    (x, y), (test_x, test_y) = problem.make_data()
    torch.manual_seed(0)
    network = problem.make_network()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(100):
        for positions in torch.randperm(len(x)).split(100):
            optimizer.zero_grad()
            problem.loss_of(network(x[positions]), y[positions]).backward()
            optimizer.step()
    with torch.no_grad():
        return problem.measure_accuracy(network(test_x), test_y).item()
