"""Shards: fixed shares of a plan, which machines run without coordination."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from benchbed.catalog.names import quoted
from benchbed.errors import UsageError

MOST_SHARDS = 100_000
_SHARD = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


class Shard(msgspec.Struct, frozen=True):
    """A share of a plan: number `number`, counted from 1, of `count`."""

    number: int
    count: int

    @property
    def exists(self) -> bool:
        """Whether the number is one of the shards."""
        return 1 <= self.number <= self.count <= MOST_SHARDS

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def positions(self, works: Sequence["Work"]) -> list[int]:
        """Return the positions of the pairings in this shard, in ascending order, from the work of all pairings.

        The pairings are sorted by work and dealt to the shards in turn: the numbers of pairings of equal work differ by
        at most one between shards, and the sums of work by at most the work of one pairing.
        """
        order = sorted(
            range(len(works)), key=lambda position: (-works[position].amount, works[position].name)
        )
        return sorted(order[self.number - 1 :: self.count])


class Work(NamedTuple):
    """The work of a pairing, as far as the plan determines it."""

    amount: int
    """Dimension × calls of a trial: a full gradient takes as long as the calls that it costs."""
    name: str
    """A digest, which decides between pairings of equal work: in the order of the plan, an optimizer that takes long
    steps could belong to the same shard on each problem."""


def parse_shard(text: str) -> Shard:
    """Return the shard of a text such as "3/16". Raises: UsageError for any other text."""
    match = _SHARD.fullmatch(text)
    shard = Shard(*map(int, match.groups())) if match else None
    if shard is None or not shard.exists:
        raise UsageError(
            f"shard is {quoted(text)}; write the number of a shard and the number of all shards, such as 3/16, with at "
            f"most {MOST_SHARDS} shards"
        )
    return shard
