"""Findings about signs and decay: identities of Adam, and the box to which AdamW's weight decay confines θ."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

import benchbed
from benchbed_findings.rates import quadratic
from benchbed_findings.record import Finding, Panel, Series, near

ADAM = "Kingma & Ba (2015)"
START, RATE, STEPS = (2.0, 3.0), 0.07, 100
DECAYS = (0.25, 0.5, 1.0, 2.0)


def signs_and_decay() -> Iterator[Finding]:
    """Identities of Adam and AdamW."""
    yield from _identities()
    yield from _box()


def _identities() -> Iterator[Finding]:
    """Adam's first step, Adam without weight decay, and Adam without averages."""
    adam, decayed, signs = (
        benchbed.minimize(quadratic(100), START, rule, steps=STEPS)
        for rule in (
            f"adam[learning_rate={RATE}]",
            f"adamw[learning_rate={RATE}, weight_decay=0]",
            f"adam[learning_rate={RATE}, beta1=0, beta2=0, epsilon=1e-300]",
        )
    )
    theta = torch.tensor(START, dtype=torch.float64)
    losses = []
    for _ in range(STEPS):
        losses.append(quadratic(100)(theta).item())
        theta = theta - RATE * theta.sign()
    steps = range(STEPS)
    panel = Panel(
        f"Adam and its relatives, η = {RATE:g}",
        "step",
        "½ (θ₁² + 100 θ₂²)",
        [
            Series("Adam without averages", steps, signs.losses.tolist(), reference=(steps, losses)),
            Series("AdamW, λ = 0", steps, decayed.losses.tolist(), reference=(steps, adam.losses.tolist())),
        ],
        "sign descent, and Adam",
    )
    first = benchbed.minimize(quadratic(100), START, "adam[learning_rate=0.1]", steps=1).theta
    yield near("Adam's first step is as long as its rate", 0.1, START[0] - first[0].item(), 1e-8, ADAM, panel)
    equal = torch.equal(adam.theta, decayed.theta) and torch.equal(adam.losses, decayed.losses)
    yield Finding(
        "AdamW without weight decay equals Adam to the bit",
        "equal",
        "equal" if equal else "different",
        equal,
        "Loshchilov & Hutter (2019)",
    )
    yield near(
        f"Adam with β₁ = β₂ = 0 is sign descent (largest difference after {STEPS} steps)",
        0,
        (signs.theta - theta).abs().max().item(),
        1e-12,
        "Bernstein et al. (2018)",
    )


def _box() -> Iterator[Finding]:
    """The largest |θᵢ| under weight decay λ is 1/λ where the loss falls in every direction, or beyond 1/λ."""
    weights = torch.tensor([1.0, -3.0, 0.5], dtype=torch.float64)
    minimizer = torch.tensor([40.0, -20.0, 10.0], dtype=torch.float64)
    cases: tuple[tuple[str, Callable[[Tensor], Tensor], Tensor, str], ...] = (
        ("a linear loss w · θ", lambda theta: (weights * theta).sum(), -weights.sign(), "−sign(w)/λ"),
        (
            "½ ‖θ − m‖² with |mᵢ| > 1/λ",
            lambda theta: 0.5 * (theta - minimizer).square().sum(),
            minimizer.sign(),
            "the nearest point with |θᵢ| ≤ 1/λ",
        ),
    )
    ends = {
        label: [
            benchbed.minimize(
                loss, [0.0] * 3, f"adamw[learning_rate=0.1, beta2=0.99, weight_decay={decay}]", steps=2_000
            ).theta
            for decay in DECAYS
        ]
        for label, loss, _, _ in cases
    }
    panel: Panel | None = Panel(
        "AdamW after 2 000 steps, β₂ = 0.99",
        "weight decay λ",
        "largest |θᵢ|",
        [
            Series(
                label,
                DECAYS,
                [theta.abs().max().item() for theta in thetas],
                reference=(DECAYS, [1 / decay for decay in DECAYS]),
            )
            for label, thetas in ends.items()
        ],
        "1/λ",
        log_x=True,
    )
    for label, _, corner, end in cases:
        differences = [
            (theta * decay - corner).abs().max() for theta, decay in zip(ends[label], DECAYS, strict=True)
        ]
        yield near(
            f"AdamW on {label} ends at {end}, λ from {DECAYS[0]:g} to {DECAYS[-1]:g} (largest difference, times λ)",
            0,
            max(differences).item(),
            1e-3,
            "Xie & Li (2024)",
            panel,
        )
        panel = None
