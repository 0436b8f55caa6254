"""Random seeds and keys derived by hashing, so that no optimizer can influence an instance (protocol, rule 2)."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, NamedTuple

PROTOCOL = "2"
"""Version of the measurement protocol; part of every trial key, so that results of two versions are never mixed."""
INSTANCES = "1"
"""Version of the instances; part of every seed, so that they stay the same when measurements change."""

DRAW_BLOCK = 1_000
"""Steps whose draws come from one generator."""

Role = Literal["scale", "tuning", "evaluation"]
Purpose = Literal["start", "data", "draws", "gradient", "optimizer"]


def digest(*values: object) -> str:
    """Hash plain JSON values to 32 hexadecimal digits, the same on every machine."""
    return hashlib.sha256(_json(values).encode()).hexdigest()[:32]


def digests(before: Sequence[object], numbers: Iterable[int], after: Sequence[object]) -> list[str]:
    """Return `digest(*before, number, *after)` of each number; the values before it are hashed once."""
    start = hashlib.sha256(f"{_json(before)[:-1]},".encode())
    end = f",{_json(after)[1:]}"
    hashed = []
    for number in numbers:
        state = start.copy()
        state.update(f"{number}{end}".encode())
        hashed.append(state.hexdigest()[:32])
    return hashed


def _json(values: Sequence[object]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)


def original_name(problem: str) -> str:
    """Return the name that instances derive from: `rotated(quadratic)` rotates the instances of `quadratic`."""
    return problem.rstrip(")").rpartition("(")[2]


class InstanceSeed(NamedTuple):
    """The identity of an instance: the study's seed, the problem's name, the role and the number within it."""

    study_seed: int
    problem: str
    role: Role
    number: int

    def generator_seed(self, purpose: Purpose, block: int = 0) -> int:
        """Return the seed of one generator: 63 bits from the hash of version, instance, purpose and block."""
        original = self._replace(problem=original_name(self.problem))
        return int(digest(INSTANCES, *original, purpose, block)[:16], 16) >> 1


@contextmanager
def seeded_modules(seed: int) -> Iterator[None]:
    """Fork and seed torch's global generator, which a module's own initialization uses."""
    import torch  # `benchbed --help` must not import it

    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed also formats a stack trace for each kind of device: four fifths of a start's time.
        torch.default_generator.manual_seed(seed)
        yield
