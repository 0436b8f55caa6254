"""Spread one set of points over the search spaces of all optimizers (protocol, rule 6)."""

from collections.abc import Iterable, Mapping
from typing import Any

from benchbed.catalog import Parameter
from benchbed.interfaces import LogUniform, OneMinusLogUniform, Uniform
from benchbed.seeds import PROTOCOL, digest

COLUMNS = 16
SHARED = "learning_rate"
"""The hyperparameter of column 0, so that every optimizer tries the same learning rates."""


def search_settings(
    parameters: Mapping[str, Parameter], given: Iterable[str], points: int
) -> tuple[dict[str, float], ...]:
    """Give `points` settings of the numbers that a selector leaves open and that have a search range.

    The points are the first of one scrambled Sobol set, the same for all optimizers, problems and seeds; each
    hyperparameter takes the column that belongs to its name. Empty where there is nothing to search.

    Source: Sobol (1967), with the scrambling of Owen (1998), as in `scipy.stats.qmc.Sobol`.
    """
    space = {
        name: parameter.domain
        for name, parameter in parameters.items()
        if parameter.domain is not None and name not in set(given)
    }
    if not space:
        return ()
    from scipy.stats import qmc  # takes most of a second to import, for this track only

    seed = int(digest(PROTOCOL, "search")[:8], 16)
    shares = qmc.Sobol(COLUMNS, scramble=True, rng=seed).random(points)
    columns = columns_of(space)
    return tuple(
        {name: value_at(domain, float(row[columns[name]])) for name, domain in space.items()}
        for row in shares
    )


def columns_of(names: Iterable[str]) -> dict[str, int]:
    """Give each name a column of its own: 0 to the learning rate, to the others one that the name itself hashes to.

    Two names of one optimizer that meet are moved apart in alphabetical order, so other optimizers change nothing.
    """
    taken: dict[str, int] = {}
    for name in sorted(names):
        if name == SHARED:
            taken[name] = 0
            continue
        column = int(digest(name)[:8], 16) % (COLUMNS - 1)
        while column + 1 in taken.values():
            column = (column + 1) % (COLUMNS - 1)
        taken[name] = column + 1
    return taken


def value_at(domain: Any, share: float) -> float:
    """Give the value at a share of a search range, in [0, 1), rounded to 12 digits."""
    low, high = domain.low, domain.high
    if isinstance(domain, Uniform):
        value = low + share * (high - low)
    elif isinstance(domain, LogUniform):
        value = low * (high / low) ** share
    elif isinstance(domain, OneMinusLogUniform):
        value = 1 - low * (high / low) ** share
    else:
        raise TypeError(f"{domain!r} is no search range")
    return float(f"{value:.12g}")
