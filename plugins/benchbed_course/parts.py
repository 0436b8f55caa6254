"""The parts of the course: their subjects, and the figures that belong to them."""

import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

from benchbed import Catalog, NothingSelectedError, UsageError
from benchbed.interfaces import Figure


class Experiment(NamedTuple):
    """A command to try, and the result to look at."""

    command: str
    observation: str


class Subject(NamedTuple):
    """The subject of a part of the course, as the heading of its section."""

    title: str
    formula: str
    experiment: Experiment


SUBJECTS = {
    "C1": Subject(
        "Linear regression",
        "L(w, b) = 1/(2I) Σᵢ (w xᵢ + b − yᵢ)²",
        Experiment(
            "benchbed course C1 -o 'momentum[learning_rate=0.1]' -O results/try-c1",
            "How many steps does it take to the tolerance, and does its path reach the star on a straight line?",
        ),
    ),
    "C2": Subject(
        "Noisy Runge regression",
        "y = 1/(1 + 25z²) + ε",
        Experiment(
            "benchbed course C2 -o 'momentum[learning_rate=0.1]' -O results/try-c2",
            "Does an average of the gradients bring the peak at d = I closer in the same number of steps?",
        ),
    ),
    "C3": Subject(
        "Shallow network",
        "f(x) = w₂ᵀ σ(w₁x + b₁) + b₂",
        Experiment(
            "benchbed run -p 'shallow-network[hidden=[5, 15]]' -o adam -o sgd --track tuned --preset quick -O "
            "results/try-c3",
            "Which learning rate does each optimizer get, and how much lower does it end with fifteen units?",
        ),
    ),
    "C4": Subject(
        "Composed triangles",
        "f₁(x) = 2σ(x) − 4σ(x − ½), fₖ = f₁ ∘ fₖ₋₁",
        Experiment(
            "benchbed run -p 'triangles[depth=[1, 2]]' -o 'adam[learning_rate=[0.01, 0.1]]' --track default --steps "
            "2000 --seeds 20 -O results/try-c4",
            "Does the larger learning rate solve f₁ from more starts? And f₂?",
        ),
    ),
    "C5": Subject(
        "Mini-batches on a mean",
        "L(θ) = 1/I Σᵢ (θ − yᵢ)²",
        Experiment(
            "benchbed course C5 -o 'momentum[learning_rate=0.05]' -O results/try-c5",
            "Compare its root mean square distance from the mean with that of SGD: does averaging the gradients help "
            "at the same η?",
        ),
    ),
    "C6": Subject(
        "Quartic with two minima",
        "L(θ) = θ⁴ − 3θ² + θ",
        Experiment(
            "benchbed course C6 -o 'momentum[learning_rate=0.05]' -O results/try-c6",
            "Do more or fewer seeds escape than with SGD, which sees the same noise?",
        ),
    ),
    "C7": Subject(
        "Momentum on a quadratic",
        "L(θ) = ½ θᵀ diag(1, 100) θ",
        Experiment(
            "benchbed course C7 -o 'momentum[beta=0.95]' -O results/try-c7",
            "With the default η, which of the two coordinates keeps it from arriving in 160 steps?",
        ),
    ),
    "C8": Subject(
        "RMSProp on the same quadratic",
        "θ ← θ − η g / (√v + ε), v ← ρv + (1 − ρ)g²",
        Experiment(
            "benchbed course C8 -o 'rmsprop[learning_rate=0.002]' -O results/try-c8",
            "At a tenth of the learning rate, how far has it come after 125 steps, and how low is its loss at the end?",
        ),
    ),
    "C9": Subject(
        "Weighted quartic",
        "L(θ) = Σⱼ wⱼ (θⱼ⁴ − 3θⱼ² + θⱼ)",
        Experiment(
            "benchbed course C9 -o 'signsgd[learning_rate=0.01]' -O results/try-c9",
            "It takes only the signs of the gradient: is it as fast as Adam on light coordinates, and where does noise "
            "leave it?",
        ),
    ),
    "C10": Subject(
        "Deep network on a polynomial",
        "f(x) = mean p(xᵢ), p(z) = Π (z − rₖ)",
        Experiment(
            "benchbed run -p 'polynomial-network[samples=4096]' -o adam -o muon --track default --steps 2000 --seeds 3 "
            "-O results/try-c10",
            "Both run with their default learning rates: which of the two has the lower gap for the same calls?",
        ),
    ),
    "C11": Subject(
        "Forward mode",
        "f(a + bε) = f(a) + f′(a) b ε, ε² = 0",
        Experiment(
            "benchbed run -p weighted-quartic -o 'gd[learning_rate=0.1]' --gradient dual --track default --steps 600 "
            "--seeds 3 -O results/try-c11",
            "A dual number carries one direction: how many calls does a step in ten dimensions cost "
            "(tables/measures.md)?",
        ),
    ),
    "C12": Subject(
        "Reverse mode",
        "∇(g ∘ f)(x) = Jf(x)ᵀ ∇g(f(x))",
        Experiment(
            "benchbed run -p weighted-quartic -o 'gd[learning_rate=0.1]' --gradient reverse --track default "
            "--steps 600 --seeds 3 -O results/try-c12",
            "The same calls as in the experiment of C11: how many more steps do they pay for?",
        ),
    ),
    "C13": Subject(
        "Training harness",
        "loss_optimiser(loss, θ₀, optimizer; steps, tolerance)",
        Experiment(
            "python -c 'import benchbed; print(benchbed.minimize(lambda theta: (theta**4 - 3 * theta**2 + theta)"
            '.sum(), [1.5], "momentum[learning_rate=0.1]", steps=500))\'',
            "In which of the two minima does momentum end from 1.5, where gradient descent stays in the local one?",
        ),
    ),
}


def figures_of_parts(catalog: Catalog, parts: Sequence[str], takes_optimizers: bool = False) -> list[Figure]:
    """Return the figures of the named parts, or of all parts, in the order of the parts' numbers.

    With `takes_optimizers`, all parts are those with a figure that takes optimizers, if there are any.

    Raises: UsageError if a part is unknown, NothingSelectedError if no figure belongs to a part.
    """
    figures: list[Figure] = [
        catalog.entry("figures", name).implementation for name in catalog.names("figures")
    ]
    all_parts = sorted({figure.part for figure in figures if figure.part}, key=_natural_order)
    by_folded_name = {part.casefold(): part for part in all_parts}
    taking = {figure.part for figure in figures if figure.part and figure.takes_optimizers}
    for part in parts:
        if part.casefold() not in by_folded_name:
            matches = difflib.get_close_matches(part, all_parts, n=1)
            hint = f"did you mean {matches[0]!r}?" if matches else f"the parts are {', '.join(all_parts)}"
            raise UsageError(f"unknown part {part!r}; {hint}")
    selected = (
        [by_folded_name[part.casefold()] for part in parts] or (takes_optimizers and taking) or all_parts
    )
    if not selected:
        raise NothingSelectedError(
            "no installed plugin registers a figure of a course; see `benchbed list figures`"
        )
    return [figure for part in all_parts if part in selected for figure in figures if figure.part == part]


def _natural_order(part: str) -> list[object]:
    """Return a sort key that puts C2 before C10."""
    return [int(token) if token.isdigit() else token for token in re.split(r"(\d+)", part)]
