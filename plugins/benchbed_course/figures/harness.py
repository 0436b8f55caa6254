"""`benchbed.minimize`: the course's training harness, from Python in three lines."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

import benchbed
from benchbed.interfaces import Picture, TrialStatus
from benchbed.plotting import theme
from benchbed_course.figures.canvas import LOOKS, LOST, TRUTH, canvas, legend_below, picture
from benchbed_course.figures.optimizers import turning_sentences
from benchbed_course.figures.step_lines import PATH
from benchbed_problems.weighted_quartic import WeightedQuartic

LINES = (
    "import benchbed",
    "import torch",
    "weights = torch.linspace(1, 100, 10, dtype=torch.float64) / 505",
    "loss = lambda theta: (weights * (theta**4 - 3 * theta**2 + theta)).sum()",
    'minimum = benchbed.minimize(loss, [-3] * 10, "adam[learning_rate=0.01]", tolerance=1e-6)',
)
"""The harness in three lines after its imports, as the caption shows it."""
START, STEPS, TOLERANCE, LEARNING_RATE = -3.0, 1_000, 1e-6, 0.01
PROBLEM = WeightedQuartic(gradient_noise=0.0)
_MARKERS = {TrialStatus.CONVERGED: "X", TrialStatus.EXHAUSTED: "|", TrialStatus.DIVERGED: "X"}


def measure() -> dict[str, Any]:
    """Minimize by all seven optimizers, and by a plain loop with torch.optim.Adam."""
    start = [START] * PROBLEM.dimension
    minima = {}
    for name in LOOKS:
        minimum = benchbed.minimize(
            loss, start, f"{name}[learning_rate={LEARNING_RATE}]", steps=STEPS, tolerance=TOLERANCE
        )
        minima[name] = {
            "losses": minimum.losses.tolist(),
            "gradient_norms": minimum.gradient_norms.tolist(),
            "loss": minimum.loss,
            "gradient_norm": minimum.gradient_norm,
            "steps": minimum.steps,
            "status": minimum.status,
            "reason": minimum.reason,
            "theta": minimum.theta.tolist(),
        }
    return {"minima": minima, "plain": plain_adam(STEPS)}


def loss(theta: Tensor) -> Tensor:
    """Compute the weighted quartic of `theta: [10]`."""
    return PROBLEM.objective(theta, PROBLEM.shared_data())


def plain_adam(steps: int) -> dict[str, Any]:
    """Run the course's loop with torch.optim.Adam; return losses, gradient norms and the last θ."""
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
    """Draw the loss above the optimum and the gradient norm of each evaluation, with the stop marked."""
    minima = measured["minima"]
    with theme("minimize"):
        figure, (losses, norms) = canvas(columns=2, width=10.5, height=4.4)
        for position, (name, minimum) in enumerate(minima.items()):
            width = 2.6 - 0.2 * position  # curves that coincide stay visible at the edges
            _draw_line(losses, name, _gaps(minimum), minimum["status"], width)
            gradient_norms = evaluations(minimum, "gradient_norms", "gradient_norm")
            _draw_line(norms, name, gradient_norms, minimum["status"], width)
        norms.axhline(TOLERANCE, color=TRUTH, linestyle="--", linewidth=0.9, label="tolerance")
        losses.set(title="Loss above the optimum", xlabel="step", ylabel="L(θ) − L(θ*)", yscale="log")
        norms.set(title="Norm of the gradient", xlabel="step", ylabel="‖∇L(θ)‖", yscale="log")
        legend_below(figure, norms)
        return picture(figure, *_caption(measured))


def evaluations(minimum: Mapping[str, Any], curve: str, last: str) -> np.ndarray:
    """Return the values at the start and after each step; `last` is the value at the end if all steps were spent."""
    return np.array([*minimum[curve], minimum[last]][: minimum["steps"] + 1])


def _draw_line(axes: Axes, name: str, values: np.ndarray, status: str, width: float) -> None:
    look, is_exhausted = LOOKS[name], status == TrialStatus.EXHAUSTED
    color = LOST if status == TrialStatus.DIVERGED else look.color
    axes.plot(values, color=color, linestyle=look.dashes, linewidth=width, label=name, gid=PATH)
    axes.plot(
        len(values) - 1, values[-1], _MARKERS[TrialStatus(status)],
        color=color, markersize=9, markeredgecolor=color if is_exhausted else "w",
        markeredgewidth=2.0 if is_exhausted else 1.0, zorder=5,
    )  # fmt: skip


def _gaps(minimum: Mapping[str, Any]) -> np.ndarray:
    """Return the loss above the optimum by step, `[steps + 1]`."""
    return evaluations(minimum, "losses", "loss") - _optimum()


def _optimum() -> float:
    return float(PROBLEM.optimum(PROBLEM.shared_data()))


def _caption(measured: Mapping[str, Any]) -> list[str]:
    minima, plain = measured["minima"], measured["plain"]
    reasons: dict[str, list[str]] = {}
    for name, minimum in minima.items():
        reasons.setdefault(f"{minimum['status']}, as {minimum['reason']}", []).append(name)
    stops = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
    ends = ", ".join(
        f"{name} {minimum['loss'] - _optimum():.2g} ({minimum['gradient_norm']:.2g})"
        for name, minimum in minima.items()
    )
    stable = {name: each for name, each in minima.items() if each["status"] != TrialStatus.DIVERGED}
    adam = minima["adam"]
    losses, norms, theta = (
        max(abs(ours - theirs) for ours, theirs in zip(adam[name], plain[name], strict=True))
        for name in ("losses", "gradient_norms", "theta")
    )
    code = "\n".join(f"    {line}" for line in LINES)
    return [
        f"The course's training harness, in three lines of Python after two imports:\n\n{code}\n\nThe figure shows",
        f"minimum.losses and minimum.gradient_norms of {len(minima)} optimizers with η = {LEARNING_RATE:g} and at most",
        f"{STEPS:,} steps. A cross marks a stop by the tolerance of {TOLERANCE:g}, a bar that all steps were spent.",
        f"The reasons, by minimum.reason: {stops}.",
        f"Loss above the optimum at the end, and norm of the gradient: {ends}.",
        *turning_sentences({name: _gaps(minimum) for name, minimum in stable.items()}),
        f"Over {len(plain['losses']):,} evaluations the losses of adam and of a plain loop with torch.optim.Adam",
        f"differ by at most {losses:.1g}, the norms by {norms:.1g}, and the last θ by {theta:.1g}.",
    ]
