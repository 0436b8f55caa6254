"""Reference studies: stored results that are shown beside those of studies with the same rules and problems."""

from typing import Any, NamedTuple

import msgspec


class ReferenceProblem(msgspec.Struct, frozen=True):
    """A problem of a reference study: the properties that another study must share for its results to compare."""

    label: str
    """Canonical selector."""
    group: str
    budget: int
    dtype: str
    targets: tuple[float, ...]
    score_start: float
    starts: dict[int, float]
    """Gap at the start by evaluation seed, or objective without a known optimum. Equal starts have an equal start,
    objective, optimum and scale."""


class ReferenceCurve(msgspec.Struct, frozen=True):
    """The evaluation trials of an optimizer on a problem in a track, at the calls at which they change."""

    problem: str
    optimizer: str
    track: str
    calls: tuple[float, ...]
    median: tuple[float | None, ...]
    """Lower median of the gap, or of the objective without a known optimum; None if it is +∞."""
    reached: tuple[float, ...]
    """Share of the targets reached, over all trials; empty without a score."""
    calls_per_step: float | None = None
    """Mean calls of a step; None if no step was measured."""


class ReferenceStudy(msgspec.Struct, frozen=True):
    """The results of a study without its trials."""

    name: str
    version: int
    """From 1 on; 0 for a study that is not stored as a reference."""
    protocol: str
    preset: str
    study_seed: int
    gradient: str
    tolerance: float | None
    checkpoints: str
    versions: dict[str, str]
    """Versions of benchbed and torch."""
    problems: tuple[ReferenceProblem, ...]
    summary: tuple[dict[str, Any], ...]
    """Rows with the columns of `summary.csv` but the notes; counts that are 0 are left out, "inf" is +∞."""
    overall: tuple[dict[str, Any], ...]
    """Mean scores by optimizer, track and group (`ALL_PROBLEMS` for all problems), with intervals."""
    curves: tuple[ReferenceCurve, ...]

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}" if self.version else self.name

    def label(self, optimizer: str) -> str:
        """Return the name of an optimizer of this study among those of another one; no selector contains a space."""
        return f"{optimizer} ({self.title})"


class MatchedReference(NamedTuple):
    """A reference study with the part that compares with another study."""

    study: ReferenceStudy
    problems: tuple[str, ...]
    """Labels of the problems on which it compares."""
    optimizers: tuple[str, ...]
    """Optimizers that are shown."""
