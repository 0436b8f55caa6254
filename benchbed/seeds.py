"""Derive every random seed by hashing, so that no optimizer can influence an instance (protocol, rule 2)."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

PROTOCOL = "1"
"""Version of the measurement protocol; part of every seed and every trial key."""

DRAW_BLOCK = 1_000
"""Steps whose draws come from one generator."""

Role = Literal["scale", "tuning", "evaluation"]
Purpose = Literal["start", "data", "draws", "gradient"]


def digest(*parts: object) -> str:
    """Hash JSON-plain `parts` to 32 hexadecimal digits, the same on every machine."""
    return hashlib.sha256(_json(parts).encode()).hexdigest()[:32]


def digests(before: Sequence[object], numbers: Iterable[int], after: Sequence[object]) -> list[str]:
    """Give `digest(*before, number, *after)` for every number; what they share is written and hashed once.

    There must be something before the numbers and something after.
    """
    head = hashlib.sha256(_json(before)[:-1].encode())
    tail = _json(after)[1:]
    found = []
    for number in numbers:
        whole = head.copy()
        whole.update(f",{number},{tail}".encode())
        found.append(whole.hexdigest()[:32])
    return found


def _json(parts: Sequence[object]) -> str:
    return json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)


class InstanceSeed(NamedTuple):
    """Identify an instance: the study's seed, the problem's name, the role and the number within it."""

    study_seed: int
    problem: str
    role: Role
    number: int

    def generator_seed(self, purpose: Purpose, block: int = 0) -> int:
        """Derive the seed of one generator: 63 bits from the hash of protocol, instance, purpose and block."""
        return int(digest(PROTOCOL, *self, purpose, block)[:16], 16) >> 1
