"""The parts of the course: their subjects, and the figures that belong to them."""

import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

from benchbed import Catalog, NothingSelectedError, UsageError
from benchbed.interfaces import Figure


class Subject(NamedTuple):
    """The subject of a part of the course, as the heading of its section."""

    title: str
    formula: str


SUBJECTS = {
    "C1": Subject("Linear regression", "L(w, b) = 1/(2I) Σᵢ (w xᵢ + b − yᵢ)²"),
    "C2": Subject("Noisy Runge regression", "y = 1/(1 + 25z²) + ε"),
    "C3": Subject("Shallow network", "f(x) = w₂ᵀ σ(w₁x + b₁) + b₂"),
    "C4": Subject("Composed triangles", "f₁(x) = 2σ(x) − 4σ(x − ½), f_k = f₁ ∘ f_{k−1}"),
    "C5": Subject("Mini-batches on a mean", "L(θ) = 1/I Σᵢ (θ − yᵢ)²"),
    "C6": Subject("Quartic with two minima", "L(θ) = θ⁴ − 3θ² + θ"),
    "C7": Subject("Momentum on a quadratic", "L(θ) = ½ θᵀ diag(1, 100) θ"),
    "C8": Subject("RMSProp on the same quadratic", "θ ← θ − η g / (√v + ε), v ← ρv + (1 − ρ)g²"),
    "C9": Subject("Weighted quartic", "L(θ) = Σⱼ wⱼ (θⱼ⁴ − 3θⱼ² + θⱼ)"),
    "C10": Subject("Deep network on a polynomial", "f(x) = mean p(xᵢ), p(z) = Π (z − r_k)"),
    "C11": Subject("Forward mode", "f(a + bε) = f(a) + f′(a) b ε, ε² = 0"),
    "C12": Subject("Reverse mode", "∇(g ∘ f)(x) = Jf(x)ᵀ ∇g(f(x))"),
    "C13": Subject("Training harness", "loss_optimiser(loss, θ₀, optimizer; steps, tolerance)"),
}


def figures_of_parts(catalog: Catalog, parts: Sequence[str]) -> list[Figure]:
    """Return the figures of the named parts, or of all parts, in the order of the parts' numbers.

    Raises: UsageError if a part is unknown, NothingSelectedError if no figure belongs to a part.
    """
    figures: list[Figure] = [
        catalog.entry("figures", name).implementation for name in catalog.names("figures")
    ]
    all_parts = sorted({figure.part for figure in figures if figure.part}, key=_natural_order)
    by_folded_name = {part.casefold(): part for part in all_parts}
    for part in parts:
        if part.casefold() not in by_folded_name:
            matches = difflib.get_close_matches(part, all_parts, n=1)
            hint = f"did you mean {matches[0]!r}?" if matches else f"the parts are {', '.join(all_parts)}"
            raise UsageError(f"unknown part {part!r}; {hint}")
    selected = [by_folded_name[part.casefold()] for part in parts] or all_parts
    if not selected:
        raise NothingSelectedError(
            "no installed plugin registers a figure of a course; see `benchbed list figures`"
        )
    return [figure for part in all_parts if part in selected for figure in figures if figure.part == part]


def _natural_order(part: str) -> list[object]:
    """Return a sort key that puts C2 before C10."""
    return [int(token) if token.isdigit() else token for token in re.split(r"(\d+)", part)]
