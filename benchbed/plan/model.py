"""The plan of a study as plain data: names, numbers and digests of sources."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import msgspec

from benchbed.catalog.records import Origin
from benchbed.interfaces import Engine
from benchbed.plan.faults import PlanningFault
from benchbed.seeds import PROTOCOL, Role, digest

Track = Literal["default", "tuned", "searched"]
TRACKS: tuple[Track, ...] = get_args(Track)
USUAL_TRACKS: tuple[Track, ...] = ("default", "tuned")
"""Tracks that run by default; a search costs several times as much."""
Checkpoints = Literal["protocol", "all"]
OBSERVED_SEEDS = 2
"""Seeds on which trials with a third-party plugin run at least, to observe whether they depend on the seed."""


class ProblemPlan(msgspec.Struct, frozen=True):
    """A problem of the study, with its properties that the protocol needs."""

    name: str
    parameters: dict[str, Any]
    """The parameters that differ from the defaults."""
    label: str
    source: str
    """Digest of the files and versions that the problem depends on."""
    budget: int
    targets: tuple[float, ...]
    success_target: float
    dtype: str
    dimension: int
    full_price: float | None
    deterministic: bool
    has_optimum: bool
    workspace: int
    target_metric: str = ""
    """Metric whose values are the targets; "" if they are gaps."""
    seedless: bool = False
    """Start and data do not depend on the seed."""
    optimum_is_bound: bool = False
    """f* is a lower bound that may not be attained."""
    gradient_price: float = 1.0
    """Calls that a loss and its gradient cost with the gradient of the study."""
    gradient_draws: bool = False
    """The gradient of the study has random draws in every step."""
    built_in: bool = True
    """Neither the problem nor the gradient of the study is a third party's."""
    origin: Origin = Origin()
    fault: PlanningFault | None = None
    """Why the problem could not be planned; its other properties are then assumed, and its trials do not run."""

    @property
    def is_scored(self) -> bool:
        """Whether trials have a score: there are targets for a metric, or an optimum."""
        return self.has_optimum or bool(self.target_metric)

    def oracle_of(self, entrant: "EntrantPlan") -> str:
        """Return the oracle of an entrant: deterministic, stochastic, full, or exact (full without a price)."""
        if self.deterministic:
            return "stochastic" if self.gradient_draws else "deterministic"
        if entrant.oracle == "stochastic":
            return "stochastic"
        return "full" if self.full_price is not None else "exact"

    def is_deterministic_for(self, entrant: "EntrantPlan") -> bool:
        """Return whether trials declare no randomness: fixed instance, gradient and optimizer without draws."""
        is_random = self.gradient_draws or entrant.draws or self.oracle_of(entrant) == "stochastic"
        return self.seedless and not is_random

    def price_of(self, entrant: "EntrantPlan") -> float:
        """Return the smallest number of calls that a step of an entrant costs."""
        return self.gradient_price * ((self.full_price or 1.0) if entrant.oracle == "full" else 1.0)


class EntrantPlan(msgspec.Struct, frozen=True):
    """An optimizer with the values that its selector fixes: one row of each table."""

    name: str
    label: str
    source: str
    hyperparameters: dict[str, Any]
    """All hyperparameters: the values of the selector, and defaults for the others."""
    tunable: bool
    """The optimizer has a `learning_rate` that the selector does not fix."""
    oracle: Literal["full", "stochastic"]
    statics: tuple[str, ...]
    """Names of the static parameters; settings that differ in one cannot share a batch."""
    search: tuple[dict[str, float], ...] = ()
    """The values that the track `searched` tries; empty without that track or without a search space."""
    origin: Origin = Origin()
    fault: PlanningFault | None = None
    draws: bool = False
    """The optimizer has random draws in every step."""
    built_in: bool = True

    def searched(self) -> list[dict[str, Any]]:
        """Return the settings that a search tries."""
        return [{**self.hyperparameters, **values} for values in self.search]

    def at(self, learning_rate: float) -> dict[str, Any]:
        """Return the hyperparameters with another learning rate."""
        return {**self.hyperparameters, "learning_rate": learning_rate}


class Pairing(msgspec.Struct, frozen=True):
    """A problem with the entrants that may share a batch: one optimizer with equal static parameters."""

    problem: ProblemPlan
    entrants: tuple[EntrantPlan, ...]

    @property
    def fault(self) -> PlanningFault | None:
        """Why the trials of the pairing cannot run; None if they can."""
        return self.problem.fault or self.entrants[0].fault


class BatchPlan(msgspec.Struct, frozen=True):
    """Trials that run together: every setting on every seed of one role."""

    problem: ProblemPlan
    optimizer: str
    optimizer_source: str
    statics: tuple[str, ...]
    oracle: str
    settings: tuple[dict[str, Any], ...]
    role: Role
    seeds: tuple[int, ...]

    @property
    def trials(self) -> int:
        """Number of trials."""
        return len(self.settings) * len(self.seeds)


class Plan(msgspec.Struct, frozen=True):
    """A resolved study: problems, optimizers, and the rules by which they run."""

    name: str
    preset: str
    problems: tuple[ProblemPlan, ...]
    entrants: tuple[EntrantPlan, ...]
    tracks: tuple[Track, ...]
    study_seed: int
    evaluation_seeds: int
    tuning_seeds: int
    rates: tuple[float, ...]
    """The learning-rate grid that all optimizers share."""
    extensions: int
    """Decades by which the grid may be extended if the best rate is at its edge."""
    rates_per_decade: int
    checkpoints: Checkpoints
    gradient: str
    device: str
    """"cpu", "cuda" or "cuda:1"."""
    suite: dict[str, Any]
    """The same as a runnable suite."""
    engine: Engine = Engine.AUTO
    """Requested engine. It is not in a trial's key, because engines agree up to rounding."""
    tolerance: float | None = None
    """Gradient norm at which a trial stops as converged; None to run on."""
    gradient_source: str = ""
    gradient_origin: Origin = Origin()
    metrics: dict[str, Origin] = {}
    """The registered metrics. They are not in a trial's key, so that a further metric runs no trial again."""
    stop_when_solved: bool = True
    """A trial ends once all targets are reached, as in the protocol; the score is the same if it runs on."""
    protocol: str = PROTOCOL

    def has_metrics(self, sources: Mapping[str, str]) -> bool:
        """Return whether metrics that were stored with these digests are still those of the plan, or left it."""
        return all(
            name not in self.metrics or self.metrics[name].digest == source
            for name, source in sources.items()
        )

    @property
    def most_trials(self) -> int:
        """Upper bound of the number of trials, without extensions of the grid."""
        rates = len(self.rates) if "tuned" in self.tracks else 0
        settings = rates + max(len(entrant.search) for entrant in self.entrants)
        per_pairing = len(self.tracks) * self.evaluation_seeds + settings * self.tuning_seeds
        return len(self.problems) * len(self.entrants) * per_pairing

    def pairings(self) -> list[Pairing]:
        """Return each problem with each group of entrants that may share a batch."""
        groups: dict[str, list[EntrantPlan]] = {}
        for entrant in self.entrants:
            statics = {name: entrant.hyperparameters[name] for name in entrant.statics}
            groups.setdefault(digest(entrant.name, statics, entrant.fault is None), []).append(entrant)
        return [Pairing(problem, tuple(group)) for problem in self.problems for group in groups.values()]

    def seeds_of(self, problem: ProblemPlan, entrant: EntrantPlan, role: Role) -> range:
        """Return the seeds of an entrant's trials in a role, fewer if the trials declare no randomness.

        Then only seed 0 runs; with a third-party plugin two seeds, because a declaration proves nothing.
        """
        seeds = self.all_seeds(role)
        if problem.is_deterministic_for(entrant):
            return seeds[: 1 if problem.built_in and entrant.built_in else OBSERVED_SEEDS]
        return seeds

    def all_seeds(self, role: Role) -> range:
        """Return the seeds of a role."""
        return range(self.tuning_seeds if role == "tuning" else self.evaluation_seeds)

    def batch(
        self, pairing: Pairing, settings: Sequence[Mapping[str, Any]], role: Role, seeds: Sequence[int]
    ) -> BatchPlan:
        """Return the batch of these settings and seeds of a pairing."""
        first = pairing.entrants[0]
        return BatchPlan(
            problem=pairing.problem, optimizer=first.name, optimizer_source=first.source, statics=first.statics,
            oracle=pairing.problem.oracle_of(first), settings=tuple(map(dict, settings)), role=role, seeds=tuple(seeds),
        )  # fmt: skip

    def keys_of(
        self,
        problem: ProblemPlan,
        optimizer: tuple[str, str],
        hyperparameters: Mapping[str, Any],
        role: Role,
        seeds: Iterable[int],
    ) -> list[str]:
        """Return the key of each seed's trial: a digest of all that its result depends on.

        `optimizer` is the name and the source digest of the optimizer.
        """
        device = self.device.partition(":")[0]  # the number of the card does not change results
        gradient = [text for text in (self.gradient, self.gradient_source) if text]
        # Left out by default, so that trials from before these options keep their keys.
        stopping: list[object] = [] if self.tolerance is None else [{"tolerance": self.tolerance}]
        stopping += [] if self.stop_when_solved else [{"stop_when_solved": False}]
        of_problem = [problem.name, problem.parameters, problem.source]
        before = [self.protocol, self.study_seed, *of_problem, *optimizer, dict(hyperparameters), role]
        after = [problem.budget, *gradient, problem.dtype, device, self.checkpoints, *stopping]
        return [digest(*before, seed, *after) for seed in seeds]

    def keys(self, batch: BatchPlan) -> list[list[str]]:
        """Return the keys of the trials of a batch, `[seeds][settings]`."""
        optimizer = (batch.optimizer, batch.optimizer_source)
        keys_by_setting = [
            self.keys_of(batch.problem, optimizer, setting, batch.role, batch.seeds)
            for setting in batch.settings
        ]
        return [list(keys_of_seed) for keys_of_seed in zip(*keys_by_setting, strict=True)]
