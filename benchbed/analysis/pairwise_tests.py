"""Paired tests of the optimizers of one table (protocol, rule 11)."""

import itertools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from benchbed.analysis.intervals import DRAWS, TIE
from benchbed.analysis.paired_tests import PairedScores, Selection
from benchbed.analysis.strata import Sampling
from benchbed.checkpoints import ROUNDING

SIGNIFICANT = 0.05
"""Two optimizers are significantly different if the adjusted p is below this level."""
Scores = Mapping[str, Sequence[np.ndarray]]
"""Each optimizer's scores: for every problem of the table `[seeds]`, paired by position. A single score where others
have several comes from a trial that does not depend on its seed, and represents every seed."""


class Comparison(NamedTuple):
    """Comparison of two optimizers; values that a direct comparison does not have are NaN."""

    first: str
    second: str
    difference: float
    """Mean score of the first minus that of the second."""
    low: float
    high: float
    p_value: float
    """Two-sided, of the paired t test; NaN for a single seed."""
    adjusted_p: float
    """Adjusted by Holm's method over the pairs of the table that have a p value."""
    win_share: float
    """Share of seeds on which the first has the higher score, ties counted half, averaged over problems."""
    sign_p: float
    """Two-sided, of the exact sign test over all seeds of all problems except the ties."""
    is_exact: bool
    """Whether both are deterministic, and were compared directly."""
    is_apart: bool
    """Whether they are significantly different or, if compared directly, different."""


def compare(
    scores: Scores,
    positions: Mapping[str, np.ndarray] = MappingProxyType({}),
    samplings: Sequence[Sampling] = (),
    shifts: Mapping[str, np.ndarray] = MappingProxyType({}),
    tuning_seeds: int = 1,
    with_intervals: bool = True,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> list[Comparison]:
    """Compare `pairs` of optimizers of one table, by default all.

    `samplings` are those of its problems, see `samples_of`, and `shifts` those of the mean scores of the optimizers
    whose settings were chosen on `tuning_seeds` seeds, see `selection_shifts`. Intervals take most of the time.

    `positions: [targets]` contains, for each deterministic optimizer, the checkpoints at which it reaches the targets
    of all problems (`checkpoint_positions`). Two deterministic optimizers are compared directly: they are different if
    they reach some target more than one checkpoint apart and their scores do not tie.
    """
    pairs = list(itertools.combinations(scores, 2)) if pairs is None else pairs
    if not pairs:
        return []
    position = {name: index for index, name in enumerate(scores)}
    first, second = np.array([(position[a], position[b]) for a, b in pairs]).T
    table = PairedScores(list(zip(*scores.values(), strict=True)), samplings)
    of_names = np.array([np.broadcast_to(shifts.get(name, 0.0), DRAWS) for name in scores])
    is_exact = np.array([a in positions and b in positions for a, b in pairs])
    is_different = [
        exact and bool((np.abs(positions[a] - positions[b]) > 1).any())
        for (a, b), exact in zip(pairs, is_exact, strict=True)
    ]
    parts = []
    for start in range(0, len(first), table.pairs_at_once):
        a, b = (indices[start : start + table.pairs_at_once] for indices in (first, second))
        selection = Selection(of_names[a] - of_names[b], tuning_seeds)
        parts.append(table.compare(a, b, selection, with_intervals))
    means, low, high, p_values, win_shares, sign_p = np.concatenate(parts, axis=1)
    p_values = np.where(is_exact, np.nan, p_values)
    adjusted = holm(p_values)
    columns = (
        means,
        *(np.where(is_exact, np.nan, limit) for limit in (low, high)),
        p_values,
        adjusted,
        win_shares,
        np.where(is_exact, np.nan, sign_p),
        is_exact,
        (np.abs(means) >= TIE) & np.where(is_exact, is_different, adjusted < SIGNIFICANT),
    )
    return [
        Comparison(a, b, *values)
        for (a, b), *values in zip(pairs, *(column.tolist() for column in columns), strict=True)
    ]


def group_by_significance(
    means: Mapping[str, float], comparisons: Sequence[Comparison]
) -> list[tuple[str, ...]]:
    """Group optimizers by mean score: the best and all that do not differ significantly from it, then the rest.

    Within a group the order is that of the scores. Two optimizers of a group may differ significantly from each other,
    but none does from the best of the group.
    """
    significant = {frozenset((pair.first, pair.second)) for pair in comparisons if pair.is_apart}
    remaining = sorted(means, key=lambda name: -means[name])
    groups = []
    while remaining:
        group = tuple(name for name in remaining if frozenset((remaining[0], name)) not in significant)
        groups.append(group)
        remaining = [name for name in remaining if name not in group]
    return groups


def checkpoint_positions(calls: np.ndarray, checkpoints: np.ndarray) -> np.ndarray:
    """Return the position, from 0, of the first checkpoint at or after each of `calls: [targets]`.

    `checkpoints: [checkpoints]` are the calls at which the problem is measured. A target that is not reached has the
    position after the last checkpoint.
    """
    # Calls are sums of fractional prices, which rounding errors may move just above the checkpoint that they equal.
    return np.asarray(np.searchsorted(checkpoints, calls * (1 - ROUNDING)))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjust `p_values: [tests]` so that rejecting those below α has a familywise error rate of at most α.

    NaN means no test. SciPy adjusts only false discovery rates; four lines do not justify a dependency on statsmodels.
    Source: S. Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    order = np.argsort(p_values)  # NaN last
    hypotheses_left = np.isfinite(p_values).sum() - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(hypotheses_left * p_values[order]))
    return adjusted
