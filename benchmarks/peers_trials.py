"""The trials of all tools: starts, data, draws and learning rates as plain arrays, without torch."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Trials(NamedTuple):
    """Every learning rate on every instance of a problem, for Adam with its default β₁, β₂ and ε."""

    problem: str
    steps: int
    rates: np.ndarray
    """`[settings]`."""
    start: np.ndarray
    """`[seeds, dimension]`."""
    data: dict[str, np.ndarray]
    """Data of the loss by name: the same for all seeds, or `[seeds, …]` for the problems in INSTANCE_DATA."""
    draws: np.ndarray | None
    """Draws of each step, `[steps, seeds, …]`: noise, or the indices of a mini-batch."""
    blocks: dict[str, tuple[int, ...]]
    """Shapes of the parts of θ by name."""

    @property
    def lanes(self) -> tuple[int, int]:
        """Numbers of seeds and of settings."""
        return len(self.start), len(self.rates)

    @property
    def count(self) -> int:
        """Number of trials."""
        return len(self.start) * len(self.rates)


INSTANCE_DATA = frozenset({"runge"})
"""Problems with different data for each instance."""

SEEDS = 20
"""Largest number of instances; more trials have more settings, as in a study."""


def lanes_of(trials: int) -> tuple[int, int]:
    """Factor a number of trials into seeds and settings: up to 20 seeds, and at least five settings if possible."""
    limit = max(1, min(SEEDS, trials // 5))
    seeds = max(count for count in range(1, limit + 1) if trials % count == 0)
    return seeds, trials // seeds


def rates_of(settings: int) -> np.ndarray:
    """Return learning rates from 10⁻⁴ to 10⁻², with which Adam does not diverge; a single one is the default 10⁻³."""
    return np.geomspace(1e-4, 1e-2, settings) if settings > 1 else np.array([1e-3])


def save(trials: Trials, path: Path) -> None:
    """Write the trials for another process."""
    arrays = {f"data_{name}": values for name, values in trials.data.items()}
    if trials.draws is not None:
        arrays["draws"] = trials.draws
    texts = {"problem": trials.problem, "blocks": json.dumps(trials.blocks)}
    facts = {**{name: np.array(text) for name, text in texts.items()}, "steps": np.array(trials.steps)}
    np.savez(path, rates=trials.rates, start=trials.start, **facts, **arrays)


def load(path: Path) -> Trials:
    """Load trials that `save` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        data = {name.removeprefix("data_"): arrays[name] for name in arrays.files if name.startswith("data_")}
        draws = arrays["draws"] if "draws" in arrays.files else None
        problem, steps = str(arrays["problem"]), int(arrays["steps"])
        blocks = {name: tuple(shape) for name, shape in json.loads(str(arrays["blocks"])).items()}
        return Trials(problem, steps, arrays["rates"], arrays["start"], data, draws, blocks)
