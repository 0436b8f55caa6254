"""Reference studies: stored results that are shown beside those of studies with the same rules and problems."""

from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from benchbed.interfaces.results import Track

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]
Calls = Annotated[float, Meta(ge=0)]
Extended = float | Literal["inf"] | None
"""A number, which is finite in JSON, "inf" for +∞, or None if it is missing."""
Setting = dict[str, Any]
"""Hyperparameters as JSON-plain data: numbers, text and lists, such as the pair `betas` of `torch.optim.Adam`."""


class ReferenceProblem(msgspec.Struct, frozen=True):
    """A problem of a reference study: the properties that another study must share for its results to compare."""

    label: str
    """Canonical selector."""
    group: str
    budget: Count
    dtype: str
    targets: tuple[float, ...]
    score_start: float
    starts: dict[int, float]
    """Gap at the start by evaluation seed, or objective without a known optimum. Equal starts have an equal start,
    objective, optimum and scale."""


class ReferenceRow(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A row of the summary: the columns of `summary.csv` but the notes."""

    problem: str
    optimizer: str
    track: Track
    hyperparameters: Setting
    settings_tried: Count = 0
    trials: Count = 0
    score: Share | None = None
    score_low: float | None = None
    score_high: float | None = None
    target: float | None = None
    success_rate: Share | None = None
    success_low: Share | None = None
    success_high: Share | None = None
    median_calls: Extended = None
    calls_low: Extended = None
    calls_high: Extended = None
    gap: Extended = None
    objective: Extended = None
    objective_low: Extended = None
    objective_high: Extended = None
    solved: Count = 0
    converged: Count = 0
    exhausted: Count = 0
    diverged: Count = 0
    failed: Count = 0
    crashed: Count = 0
    timed_out: Count = 0
    out_of_memory: Count = 0
    skipped: Count = 0


class ReferenceMean(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A mean score over the problems of a group, or of all (group `ALL_PROBLEMS`), with its interval."""

    group: str
    optimizer: str
    track: Track
    score: Share
    score_low: float | None = None
    score_high: float | None = None


class ReferenceScores(msgspec.Struct, frozen=True):
    """The scores of the trials behind a row, for paired tests."""

    problem: str
    optimizer: str
    track: Track
    evaluation: tuple[Share, ...]
    """By evaluation seed, from 0 on."""
    tuning: tuple[tuple[Share, ...], ...] = ()
    """`[settings, seeds]` of the trials that chose the setting, the chosen one first; empty if nothing was chosen."""


class ReferenceCurve(msgspec.Struct, frozen=True):
    """The evaluation trials of an optimizer on a problem in a track, at the calls at which they change."""

    problem: str
    optimizer: str
    track: Track
    calls: tuple[Calls, ...]
    median: tuple[float | None, ...]
    """Lower median of the gap, or of the objective without a known optimum; None if it is +∞."""
    reached: tuple[Share, ...]
    """Share of the targets reached, over all trials; empty without a score."""
    calls_per_step: Annotated[float, Meta(gt=0)] | None = None
    """Mean calls of a step; None if no step was measured."""


class ReferenceStudy(msgspec.Struct, frozen=True):
    """The results of a study without the paths of its trials."""

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
    summary: tuple[ReferenceRow, ...]
    overall: tuple[ReferenceMean, ...]
    curves: tuple[ReferenceCurve, ...]
    scores: tuple[ReferenceScores, ...] = ()
    """Those of rows that may be compared: not deterministic, and without the exact oracle."""

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
