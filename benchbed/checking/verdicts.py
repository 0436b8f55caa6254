"""Results of a check as plain data."""

from collections.abc import Mapping

import msgspec

from benchbed.catalog.lookup import Catalog
from benchbed.catalog.records import PluginStatus


class ClaimVerdict(msgspec.Struct, frozen=True):
    """The result of checking one claim."""

    name: str
    claim: str
    """The rule, as a sentence."""
    error: str | None = None
    """Why the claim does not hold; None if it does."""

    @property
    def passed(self) -> bool:
        """Whether the claim holds."""
        return self.error is None


class StepCost(msgspec.Struct, frozen=True):
    """The cost of a step of one pairing, and whether the step compiles."""

    problem: str
    optimizer: str
    dimension: int
    trials: int
    """Trials that run together."""
    eager_microseconds: float
    """Microseconds of one step of one trial, run eagerly."""
    compiled_microseconds: float | None
    """The same by compiled code; None if the step does not compile."""
    compilation_fault: str | None
    """Why the step does not compile, for people: the operation that prevents it, with its line in the plugin."""


class SubjectReport(msgspec.Struct, frozen=True):
    """The results of one registered object, or of a file that cannot be loaded."""

    kind: str
    """`optimizers`, `problems` and so on; `files` for a file that cannot be loaded."""
    name: str
    claims: tuple[ClaimVerdict, ...]
    step: StepCost | None = None
    """None if the pairing cannot be measured."""

    @property
    def passed(self) -> bool:
        """Whether all claims hold."""
        return all(verdict.passed for verdict in self.claims)


REGISTRATION = ClaimVerdict("registration", "the plugin loads, and its objects can be registered")
EMPTY = "it registers no object; call the argument of its hook, as in `register(my_optimizer)`"


def broken_files(catalog: Catalog, targets: Mapping[str, str]) -> list[SubjectReport]:
    """Return the report of each plugin file that cannot be loaded or registers nothing, which would pass all claims.

    `targets` are the names for users by file.
    """
    return [
        SubjectReport(
            "files",
            targets[record.distribution],
            (msgspec.structs.replace(REGISTRATION, error=record.error or EMPTY),),
        )
        for record in catalog.plugins
        if record.distribution in targets and (record.status is not PluginStatus.LOADED or not record.entries)
    ]
