"""Findings about tails: rare words of a bigram model, and rare classes of a softmax regression."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

import benchbed
from benchbed_findings.evaluations import recorded
from benchbed_findings.record import Finding, Panel, Series
from benchbed_problems.imbalanced_softmax import ImbalancedSoftmax
from benchbed_problems.zipf_bigram import ZipfBigram

WORDS = "Kunstner & Bach (2025)"
VOCABULARIES = (100, 300, 1_000)
STEPS = (1, 10, 100, 1_000)
TARGETS = (0.5, 0.2, 0.1)
SIGN_STEPS = 100
CLASSES = "Kunstner et al. (2024)"


def tails() -> Iterator[Finding]:
    """Gradient descent depends on the vocabulary, sign descent hardly; rare classes wait for gradient descent."""
    yield from _rare_words()
    yield from _rare_classes()


def _rare_words() -> Iterator[Finding]:
    """The relative gap of gradient descent, its steps to a gap, and the gap of sign descent."""
    series, findings, sign_gaps = [], [], []
    for vocabulary in VOCABULARIES:
        problem = ZipfBigram(vocabulary=vocabulary)
        rate = 1 / problem.shared_data().frequency[0].item()
        gaps = _relative_gaps(problem, f"gd[learning_rate={rate!r}]", STEPS[-1])
        k = torch.arange(1, vocabulary + 1, dtype=torch.float64)
        steps = torch.arange(STEPS[-1] + 1).unsqueeze(-1)
        formula = ((1 - 1 / k) ** (2 * steps) / k).sum(-1) / (1 / k).sum()
        series.append(
            Series(
                f"gradient descent, {vocabulary} words",
                range(1, len(gaps)),
                gaps[1:].tolist(),
                reference=(range(1, len(gaps)), formula[1:].tolist()),
            )
        )
        findings.append(
            Finding(
                f"Zipf bigram, {vocabulary} words: relative gap of gradient descent after 1, 10, 100 and 1000 steps, "
                "and steps to 0.5, 0.2 and 0.1",
                _row(formula),
                _row(gaps),
                bool((gaps - formula).abs().max() <= 1e-12) and _row(gaps) == _row(formula),
                WORDS,
            )
        )
        expected, rate = _best_sign_descent(problem)
        gap = _relative_gaps(problem, f"signsgd[learning_rate={rate!r}]", SIGN_STEPS)[-1].item()
        sign_gaps.append((expected, gap, formula[SIGN_STEPS].item(), gaps[SIGN_STEPS].item()))
    yield findings[0]._replace(panel=Panel("Zipf bigram", "step", "relative gap", series, log_x=True))
    yield from findings[1:]
    yield _sign_descent(*zip(*sign_gaps, strict=True))


def _sign_descent(
    expected: Sequence[float], measured: Sequence[float], formula: Sequence[float], gaps: Sequence[float]
) -> Finding:
    """Compare the gaps of sign descent with their closed form; those of gradient descent are shown beside them."""
    return Finding(
        f"Zipf bigram, {', '.join(map(str, VOCABULARIES))} words: relative gap of sign descent after "
        f"{SIGN_STEPS} steps with its best rate",
        ", ".join(f"{gap:.6f}" for gap in expected),
        ", ".join(f"{gap:.6f}" for gap in measured),
        all(abs(gap - closed) <= 1e-9 for gap, closed in zip(measured, expected, strict=True))
        and max(measured) < 4 * min(measured),
        WORDS,
        Panel(
            f"Zipf bigram after {SIGN_STEPS} steps",
            "words",
            "relative gap",
            [
                Series("gradient descent", VOCABULARIES, gaps, reference=(VOCABULARIES, formula)),
                Series("sign descent", VOCABULARIES, measured, reference=(VOCABULARIES, expected)),
            ],
            log_x=True,
        ),
    )


def _relative_gaps(problem: ZipfBigram, rule: str, steps: int) -> Tensor:
    """Return the gaps before each step and at the end, relative to that of the start: `[steps + 1]`."""
    data, start = problem.shared_data(), problem.make_start(Generator())
    minimum = benchbed.minimize(lambda theta: problem.objective(theta, data), start, rule, steps=steps)
    return torch.tensor([*minimum.losses.tolist(), minimum.loss], dtype=torch.float64) / minimum.losses[0]


def _row(gaps: Tensor) -> str:
    """Format the gaps after `STEPS`, and the steps to `TARGETS`, ∞ to those that are not reached."""
    values = ", ".join(f"{gaps[step].item():.6f}" for step in STEPS)
    reached = [(gaps <= target).nonzero() for target in TARGETS]
    return f"{values}; {', '.join(str(steps[0].item()) if len(steps) else '∞' for steps in reached)}"


def _best_sign_descent(problem: ZipfBigram) -> tuple[float, float]:
    """Return the lowest relative gap of sign descent after `SIGN_STEPS` and its rate, from a closed form.

    An entry rises by the rate a step until it exceeds the frequency p after n = ⌈p / rate⌉ steps. It then alternates
    between n and n − 1 times the rate.
    """
    rates = torch.logspace(-4, -1, 400, dtype=torch.float64).unsqueeze(-1)
    successors = problem.shared_data().successors
    crossing = (successors / rates).ceil()
    is_above = (SIGN_STEPS - crossing) % 2 == 0
    steps = torch.where(crossing > SIGN_STEPS, SIGN_STEPS, torch.where(is_above, crossing, crossing - 1))
    gaps = (steps * rates - successors).square().sum(-1) / successors.square().sum()
    best = gaps.argmin()
    return gaps[best].item(), rates[best].item()


class ClassLosses(NamedTuple):
    """Excess losses of the most frequent class and of the rarest classes at each step."""

    frequent: list[float]
    rare: list[float]


CLASS_RULES = {
    "gradient descent": "gd[learning_rate=0.1]",
    "sign descent": "adam[learning_rate=1e-3, beta1=0, beta2=0]",
}
MANY_CLASS_RULES = {
    "gradient descent": "gd[learning_rate=0.1]",
    "sign descent": "adam[learning_rate=3e-4, beta1=0, beta2=0]",
}


def _rare_classes() -> Iterator[Finding]:
    """Rare classes' losses at equal loss of the frequent class."""
    few = {name: [class_losses(rule, seed) for seed in range(10)] for name, rule in CLASS_RULES.items()}
    gradient_descent, sign_descent = ([path.rare[-1] for path in of_rule] for of_rule in few.values())
    ratios = [slow / fast for slow, fast in zip(gradient_descent, sign_descent, strict=True)]
    mean = sum(ratios) / len(ratios)
    yield Finding(
        "15 classes: rare ones' excess loss, gradient descent over sign descent, where the frequent one's is a fifth "
        "of the start's: mean and lowest of ten instances",
        "above 2, above 1.5",
        f"{mean:.2f}, {min(ratios):.2f}",
        mean > 2 and min(ratios) > 1.5,
        CLASSES,
        _panel_of_classes(15, few),
    )
    many = {
        name: [class_losses(rule, seed, groups=6, steps=350) for seed in range(3)]
        for name, rule in MANY_CLASS_RULES.items()
    }
    slow, fast = ([path.rare[-1] / path.rare[0] for path in of_rule] for of_rule in many.values())
    yield Finding(
        "63 classes: share of the rare ones' excess loss that gradient descent and sign descent leave where the "
        "frequent one's is a fifth: lowest and highest of three instances",
        "above 0.6, below 0.15",
        f"{min(slow):.2f}, {max(fast):.2f}",
        all(share > 0.6 for share in slow) and all(share < 0.15 for share in fast),
        CLASSES,
        _panel_of_classes(63, many),
    )


def _panel_of_classes(classes: int, paths: Mapping[str, Sequence[ClassLosses]]) -> Panel:
    return Panel(
        f"Softmax regression with {classes} classes: paths of an instance, from the start at the right",
        "excess loss of the frequent class",
        "excess loss of the rarest",
        [Series(name, of_rule[0].frequent, of_rule[0].rare) for name, of_rule in paths.items()],
        log_y=False,
    )


def class_losses(rule: str, seed: int, groups: int = 4, steps: int = 500) -> ClassLosses:
    """Return excess losses until the frequent class's is a fifth of its start; the last are NaN if it does not fall."""
    problem = ImbalancedSoftmax(groups=groups)
    data = problem.make_data(Generator().manual_seed(seed))
    optimum, start = problem.optimum(data), problem.make_start(Generator())
    loss, excesses = recorded(
        lambda theta: problem.objective(theta, data),
        lambda theta: [
            (problem.metrics[name](theta, data) - optimum).item() for name in ("frequent-loss", "rare-loss")
        ],
    )
    benchbed.minimize(loss, start, rule, steps=steps)
    frequent, rare = (list(losses) for losses in zip(*excesses, strict=True))
    end = next((step for step, excess in enumerate(frequent) if excess <= frequent[0] / 5), None)
    if end is None:
        return ClassLosses(frequent, [*rare[:-1], math.nan])
    return ClassLosses(frequent[: end + 1], rare[: end + 1])
