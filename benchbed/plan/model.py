"""Describe a study as pure data: names, numbers and source digests, and nothing that is an object."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from benchbed.interfaces import Engine
from benchbed.seeds import PROTOCOL, Role, digest, digests

Track = Literal["default", "tuned", "searched"]
TRACKS: tuple[Track, ...] = ("default", "tuned", "searched")
USUAL_TRACKS: tuple[Track, ...] = ("default", "tuned")
"""What runs unless something else is asked for: a search costs several times as much."""
Checkpoints = Literal["protocol", "all"]


class ProblemPlan(msgspec.Struct, frozen=True):
    """A problem of the study, with what the protocol needs to know of it."""

    name: str
    parameters: dict[str, Any]
    """Those that differ from the defaults."""
    label: str
    """Its canonical selector."""
    source: str
    """Digest of the file that defines it."""
    budget: int
    targets: tuple[float, ...]
    success_target: float
    dtype: str
    dimension: int
    full_price: float | None
    deterministic: bool
    has_optimum: bool
    workspace: int
    seedless: bool = False
    """Start and data are the same whatever the seed."""
    optimum_is_bound: bool = False
    """f* is a lower bound, which perhaps nothing attains."""
    gradient_price: float = 1.0
    """Calls that a loss and its gradient cost here, by the gradient that the study uses."""
    gradient_draws: bool = False
    """That gradient draws a direction, or the like, in every step."""

    def oracle_of(self, entrant: "EntrantPlan") -> str:
        """Say which gradient an entrant sees here: deterministic, stochastic, full, or exact (full without a price)."""
        if self.deterministic:
            return "stochastic" if self.gradient_draws else "deterministic"
        if entrant.oracle == "stochastic":
            return "stochastic"
        return "full" if self.full_price is not None else "exact"

    def is_deterministic_for(self, entrant: "EntrantPlan") -> bool:
        """Tell whether a trial depends on no seed, so that one stands for all: fixed instance, gradient without draws.

        Optimizers have no randomness of their own: `update` is a pure function of the oracle, the state and theta, and
        the conformance checks refuse one that draws from a global generator.
        """
        return self.seedless and not self.gradient_draws and self.oracle_of(entrant) != "stochastic"

    def price_of(self, entrant: "EntrantPlan") -> float:
        """Give the calls that an entrant's step costs here at least."""
        return self.gradient_price * ((self.full_price or 1.0) if entrant.oracle == "full" else 1.0)


class EntrantPlan(msgspec.Struct, frozen=True):
    """An optimizer with the values that its selector fixes: one row of every table."""

    name: str
    label: str
    source: str
    hyperparameters: dict[str, Any]
    """All of them: the defaults, but for what the selector fixes."""
    tunable: bool
    """It has a `learning_rate` that the selector leaves open."""
    oracle: Literal["full", "stochastic"]
    statics: tuple[str, ...]
    """Names of the hyperparameters that are no tensors: settings that differ in one never share a batch."""
    search: tuple[dict[str, float], ...] = ()
    """The values that the track `searched` tries; empty where it is not asked for, or there is nothing to search."""

    def searched(self) -> list[dict[str, Any]]:
        """Give the settings that a search tries."""
        return [{**self.hyperparameters, **values} for values in self.search]

    def at(self, learning_rate: float) -> dict[str, Any]:
        """Give the hyperparameters with another learning rate."""
        return {**self.hyperparameters, "learning_rate": learning_rate}


class Pairing(msgspec.Struct, frozen=True):
    """A problem with the entrants that may share a batch: one optimizer with equal statics."""

    problem: ProblemPlan
    entrants: tuple[EntrantPlan, ...]


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

    def part(self, settings: Sequence[int]) -> "BatchPlan":
        """Keep the settings at these positions."""
        return msgspec.structs.replace(self, settings=tuple(self.settings[position] for position in settings))


class Plan(msgspec.Struct, frozen=True):
    """A resolved study: what will run, and by which rules."""

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
    """Decades by which a winner on the edge may extend the grid."""
    rates_per_decade: int
    checkpoints: Checkpoints
    gradient: str
    device: str
    """"cpu", "cuda" or "cuda:1"."""
    suite: dict[str, Any]
    """The same as a runnable suite."""
    engine: Engine = Engine.AUTO
    """How steps are made. No part of a trial's key: engines agree up to rounding."""
    tolerance: float | None = None
    """Gradient norm at which a trial stops as converged; None to go on."""
    gradient_source: str = ""
    """Digest of the file that defines the gradient; empty in plans that were made before there were several."""
    stop_when_solved: bool = True
    """A trial ends once all targets are reached, as the protocol has it; where not, its score is the same."""
    protocol: str = PROTOCOL

    def pairings(self) -> list[Pairing]:
        """List every problem with every group of entrants that may share a batch."""
        groups: dict[str, list[EntrantPlan]] = {}
        for entrant in self.entrants:
            statics = {name: entrant.hyperparameters[name] for name in entrant.statics}
            groups.setdefault(digest(entrant.name, statics), []).append(entrant)
        return [Pairing(problem, tuple(group)) for problem in self.problems for group in groups.values()]

    def seeds_of(self, problem: ProblemPlan, entrant: EntrantPlan, role: Role) -> range:
        """Number the seeds of an entrant's trials in a role: the first alone where it stands for all of them."""
        if problem.is_deterministic_for(entrant):
            return range(1)
        return range(self.tuning_seeds if role == "tuning" else self.evaluation_seeds)

    def batch(
        self, pairing: Pairing, settings: Sequence[Mapping[str, Any]], role: Role, seeds: Sequence[int]
    ) -> BatchPlan:
        """Describe trials of a pairing that run together."""
        first = pairing.entrants[0]
        return BatchPlan(
            problem=pairing.problem,
            optimizer=first.name,
            optimizer_source=first.source,
            statics=first.statics,
            oracle=pairing.problem.oracle_of(first),
            settings=tuple(dict(setting) for setting in settings),
            role=role,
            seeds=tuple(seeds),
        )

    def keys_of(
        self,
        problem: ProblemPlan,
        optimizer: tuple[str, str],
        hyperparameters: Mapping[str, Any],
        role: Role,
        seeds: Iterable[int],
    ) -> list[str]:
        """Identify trials by everything that their results depend on; `optimizer` is its name and source digest."""
        device = self.device.partition(":")[0]  # which of several cards it was changes no number
        gradient = (self.gradient, self.gradient_source) if self.gradient_source else (self.gradient,)
        # Only where it is given: a trial without one is what it was before there were any.
        stopping: list[object] = [] if self.tolerance is None else [{"tolerance": self.tolerance}]
        stopping += [] if self.stop_when_solved else [{"stop_when_solved": False}]
        before = [
            self.protocol, self.study_seed, problem.name, problem.parameters, problem.source, *optimizer,
            dict(hyperparameters), role,
        ]  # fmt: skip
        after = [problem.budget, *gradient, problem.dtype, device, self.checkpoints, *stopping]
        return digests(before, seeds, after)

    def keys(self, batch: BatchPlan) -> list[list[str]]:
        """Give the key of every trial of a batch, `[seeds][settings]`."""
        optimizer = (batch.optimizer, batch.optimizer_source)
        of_settings = [
            self.keys_of(batch.problem, optimizer, setting, batch.role, batch.seeds)
            for setting in batch.settings
        ]
        return [list(of_seed) for of_seed in zip(*of_settings, strict=True)]
