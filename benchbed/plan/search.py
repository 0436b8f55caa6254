"""The points of the track `searched`: one Sobol set for the search spaces of all optimizers (protocol, rule 6)."""

from collections.abc import Iterable, Mapping
from typing import Any

from benchbed.catalog.parameters import Domain, Parameter
from benchbed.errors import UsageError
from benchbed.interfaces import Choice, LogUniform, Uniform
from benchbed.seeds import INSTANCES, digest

COLUMNS = 16
SHARED = "learning_rate"
"""The hyperparameter of column 0: all optimizers try the same learning rates."""


def search_settings(parameters: Mapping[str, Parameter], points: int) -> tuple[dict[str, Any], ...]:
    """Return `points` settings of those among the `parameters` that have a search range.

    The points are the first ones of a scrambled Sobol set, which is the same for all optimizers, problems and seeds.
    The name of a hyperparameter determines its column of the set. Empty if there is nothing to search.

    Source: Sobol (1967), with the scrambling of Owen (1998), as in `scipy.stats.qmc.Sobol`.
    """
    space = {name: parameter.domain for name, parameter in parameters.items() if parameter.domain is not None}
    if not space:
        return ()
    from scipy.stats import qmc  # takes most of a second to import, and only this track needs it

    seed = int(digest(INSTANCES, "search")[:8], 16)
    shares = qmc.Sobol(COLUMNS, scramble=True, rng=seed).random(points)
    columns = columns_of(space)
    return tuple(
        {name: value_at(domain, float(row[columns[name]])) for name, domain in space.items()}
        for row in shares
    )


def columns_of(names: Iterable[str]) -> dict[str, int]:
    """Return the column of each name: 0 for the learning rate, for the others one that is hashed from the name.

    If two names of an optimizer share a column, the later one in alphabetical order takes the next free column. Other
    optimizers have no influence.

    Raises: UsageError if there are more names than columns.
    """
    names = list(names)
    others = sum(name != SHARED for name in names)
    if others > COLUMNS - 1:
        raise UsageError(
            f"the track searched takes at most {COLUMNS - 1} hyperparameters beside the learning rate, and there are "
            f"{others}; give some of them a value"
        )
    columns: dict[str, int] = {}
    for name in sorted(names):
        if name == SHARED:
            columns[name] = 0
            continue
        column = int(digest(name)[:8], 16) % (COLUMNS - 1)
        while column + 1 in columns.values():
            column = (column + 1) % (COLUMNS - 1)
        columns[name] = column + 1
    return columns


def value_at(domain: Domain, share: float) -> Any:
    """Return the value at a share in [0, 1) of a search range: a number is rounded to 12 digits.

    Each value of a choice has an equal part of the shares.
    """
    if isinstance(domain, Choice):
        return domain.values[int(share * len(domain.values))]
    low, high = domain.low, domain.high
    if isinstance(domain, Uniform):
        value = low + share * (high - low)
    else:
        value = low * (high / low) ** share
        value = value if isinstance(domain, LogUniform) else 1 - value
    return float(f"{value:.12g}")
