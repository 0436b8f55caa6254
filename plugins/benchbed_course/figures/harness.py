"""Draw what `benchbed.minimize` gives: the course's training harness, from Python in three lines."""

from collections.abc import Mapping
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

import benchbed
from benchbed.interfaces import Picture
from benchbed.plotting import theme
from benchbed_course.figures.canvas import LOOKS, LOST, TRUTH, canvas, picture
from benchbed_problems.weighted_quartic import WeightedQuartic

LINES = (
    "weights = torch.linspace(1, 100, 10, dtype=torch.float64) / 505",
    "loss = lambda theta: (weights * (theta**4 - 3 * theta**2 + theta)).sum()",
    'found = benchbed.minimize(loss, [-3] * 10, "adam[learning_rate=0.01]", tolerance=1e-6)',
)
"""The harness at its plainest, as the caption shows it."""
START, STEPS, TOLERANCE, LEARNING_RATE = -3.0, 1_000, 1e-6, 0.01
PROBLEM = WeightedQuartic(gradient_noise=0.0)
_MARKERS = {"converged": "X", "exhausted": "|", "diverged": "X"}


def measure() -> dict[str, Any]:
    """Minimize by all seven optimizers, and by a plain loop with torch's own Adam."""
    start = [START] * PROBLEM.dimension
    found = {}
    for name in LOOKS:
        minimum = benchbed.minimize(
            loss, start, f"{name}[learning_rate={LEARNING_RATE}]", steps=STEPS, tolerance=TOLERANCE
        )
        found[name] = {
            "losses": minimum.losses.tolist(),
            "gradient_norms": minimum.gradient_norms.tolist(),
            "loss": minimum.loss,
            "gradient_norm": minimum.gradient_norm,
            "steps": minimum.steps,
            "status": minimum.status,
            "reason": minimum.reason,
            "theta": minimum.theta.tolist(),
        }
    return {"minima": found, "plain": plain_adam(STEPS)}


def loss(theta: Tensor) -> Tensor:
    """Give the weighted quartic of `theta: [10]` as a number."""
    return PROBLEM.objective(theta, PROBLEM.shared_data())


def plain_adam(steps: int) -> dict[str, Any]:
    """Take the course's loop with torch.optim.Adam: losses, gradient norms, and where it ended."""
    theta = torch.full((PROBLEM.dimension,), START, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=LEARNING_RATE)
    losses, norms = [], []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(theta)
        value.backward()
        losses.append(value.item())
        norms.append(torch.linalg.vector_norm(theta.grad).item())
        if norms[-1] <= TOLERANCE:
            break
        optimizer.step()
    return {"losses": losses, "gradient_norms": norms, "theta": theta.tolist()}


def draw_minima(measured: Mapping[str, Any]) -> Picture:
    """Show the loss above the optimum and the gradient norm of each evaluation, with the stop marked."""
    minima = measured["minima"]
    with theme("minimize"):
        figure, (losses, norms) = canvas(columns=2, width=10.5, height=4.4)
        for place, (name, found) in enumerate(minima.items()):
            width = 2.6 - 0.2 * place  # what coincides shows at the edges
            gaps = [value - _optimum() for value in evaluated(found, "losses", "loss")]
            _line(losses, name, gaps, found["status"], width)
            sizes = evaluated(found, "gradient_norms", "gradient_norm")
            _line(norms, name, sizes, found["status"], width)
        norms.axhline(TOLERANCE, color=TRUTH, linestyle="--", linewidth=0.9, label="tolerance")
        losses.set(title="Loss above the optimum", xlabel="step", ylabel="L(θ) − L(θ*)", yscale="log")
        norms.set(title="Norm of the gradient", xlabel="step", ylabel="‖∇L(θ)‖", yscale="log")
        figure.legend(*norms.get_legend_handles_labels(), loc="outside lower center", ncols=len(minima) + 1)
        return picture(figure, *_caption(measured))


def evaluated(found: Mapping[str, Any], curve: str, last: str) -> list[float]:
    """Give the values at the start and after each step; where the steps are spent, `last` is the one at the end."""
    return [*found[curve], found[last]][: found["steps"] + 1]


def _line(axes: Axes, name: str, values: list[float], status: str, width: float) -> None:
    look, lost = LOOKS[name], status == "diverged"
    color = LOST if lost else look.color
    axes.plot(values, color=color, linestyle=look.dashes, linewidth=width, label=name)
    axes.plot(
        len(values) - 1, values[-1], _MARKERS[status],
        color=color, markersize=9, markeredgecolor=color if status == "exhausted" else "w",
        markeredgewidth=2.0 if status == "exhausted" else 1.0, zorder=5,
    )  # fmt: skip


def _optimum() -> float:
    return float(PROBLEM.optimum(PROBLEM.shared_data()))


def _turned_back(minima: Mapping[str, Any]) -> list[str]:
    """Say which optimizers came ten times nearer to the optimal loss than they ended."""
    sentences = []
    for name, found in minima.items():
        nearest = min(range(len(found["losses"])), key=found["losses"].__getitem__)
        gap = found["losses"][nearest] - _optimum()
        if gap < 0.1 * (found["loss"] - _optimum()):
            sentences.append(
                f"On its way {name} was as near as {gap:.1g}, after {nearest} step{'s' * (nearest != 1)}."
            )
    return sentences


def _caption(measured: Mapping[str, Any]) -> list[str]:
    minima, plain = measured["minima"], measured["plain"]
    reasons: dict[str, list[str]] = {}
    for name, found in minima.items():
        reasons.setdefault(f"{found['status']}, as {found['reason']}", []).append(name)
    stops = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
    ends = ", ".join(
        f"{name} {found['loss'] - _optimum():.2g} ({found['gradient_norm']:.2g})"
        for name, found in minima.items()
    )
    adam = minima["adam"]
    apart = [
        max(abs(one - other) for one, other in zip(adam[name], plain[name], strict=True))
        for name in ("losses", "gradient_norms", "theta")
    ]
    code = "\n".join(f"    {line}" for line in LINES)
    return [
        f"The course's training harness, in three lines of Python:\n\n{code}\n\nThe figure has the same from all seven",
        f"optimizers with η = {LEARNING_RATE:g}, at most {STEPS:,} steps: found.losses and found.gradient_norms, with",
        f"a cross where the tolerance of {TOLERANCE:g} stopped and a bar where the steps were spent.",
        f"Why each stopped, by its found.reason: {stops}.",
        f"Loss above the optimum at the end, and norm of the gradient: {ends}.",
        *_turned_back(minima),
        f"A plain loop with torch.optim.Adam beside adam: over {len(plain['losses']):,} evaluations the losses differ",
        f"by at most {apart[0]:.1g}, the norms by {apart[1]:.1g}, and the last θ by {apart[2]:.1g}.",
    ]
