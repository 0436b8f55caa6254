"""Independent samples of a table: problems of one name share instances, so their scores are averaged seed by seed."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchbed.plan import Plan
from benchbed.seeds import original_name


class Sampling(NamedTuple):
    """The law of a problem's instances."""

    name: str
    """Registered name without transforms: all selectors with this name have the same instances."""
    start_strata: int = 1
    """Seeds whose numbers have the same remainder start in one stratum."""


def samplings_of(plan: Plan) -> dict[str, Sampling]:
    """Return the sampling of every problem by its label."""
    return {
        problem.label: Sampling(original_name(problem.name), problem.start_strata)
        for problem in plan.problems
    }


def groups_of(plan: Plan) -> dict[str, str]:
    """Return the group of every problem by its label."""
    return {problem.label: problem.group for problem in plan.problems}


class IndependentSample(NamedTuple):
    """Independent values that contribute to a mean over problems."""

    values: np.ndarray
    """`[..., seeds]`"""
    weight: float
    """Share in the mean over problems; the weights of a table sum to 1."""


def samples_of(values: Sequence[np.ndarray], samplings: Sequence[Sampling] = ()) -> list[IndependentSample]:
    """Return the independent samples whose weighted means sum to the mean over problems of `values: [..., seeds]`.

    Problems of one name are averaged seed by seed: as independent samples, four variants of a problem would have
    intervals half as wide as they should be. Strata of starts are samples of their own, because each contains a fixed
    share of the seeds. A single value represents every seed. Without `samplings` all problems are independent.
    """
    together: dict[tuple[str, int], list[int]] = {}
    names = [sampling.name for sampling in samplings] or [str(position) for position in range(len(values))]
    lengths = {
        name: max(v.shape[-1] for v, of in zip(values, names, strict=True) if of == name) for name in names
    }
    for position, name in enumerate(names):
        # Only an interrupted study has variants with different numbers of seeds; they cannot be averaged.
        seeds = values[position].shape[-1]
        together.setdefault((name, lengths[name] if seeds == 1 else seeds), []).append(position)
    samples = []
    for positions in together.values():
        mean = np.mean(np.broadcast_arrays(*(values[position] for position in positions)), axis=0)
        weight, seeds = len(positions) / len(values), mean.shape[-1]
        strata = (
            max((samplings[position].start_strata for position in positions), default=1) if samplings else 1
        )
        if seeds < 2 * strata:
            strata = 1
        for stratum in range(strata):
            of_stratum = mean[..., stratum::strata]
            samples.append(IndependentSample(of_stratum, weight * of_stratum.shape[-1] / seeds))
    return samples
