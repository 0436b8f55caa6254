"""The plan of a study as plain data: names, numbers and digests of sources."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import msgspec

from benchbed.catalog.records import Origin
from benchbed.errors import UsageError
from benchbed.formatting import plural
from benchbed.interfaces import Engine
from benchbed.interfaces.results import Track
from benchbed.plan.parts import EntrantPlan, PlanningFault, ProblemPlan
from benchbed.plan.shards import Shard, Work
from benchbed.seeds import PROTOCOL, Role, digest, digests

TRACKS: tuple[Track, ...] = get_args(Track)
USUAL_TRACKS: tuple[Track, ...] = ("default", "tuned")
"""Tracks that run by default; a search costs several times as much."""
Checkpoints = Literal["protocol", "all"]
SMALL_DIMENSION = 50
"""Most parameters of a small problem."""
OBSERVED_SEEDS = 2
"""Seeds on which trials with a third-party plugin run at least, to observe whether they depend on the seed."""


class Pairing(msgspec.Struct, frozen=True):
    """A problem with the entrants that may share trials: one optimizer with equal static parameters.

    Static parameters that a search chooses may differ; trials that differ in one do not share a batch.
    """

    problem: ProblemPlan
    entrants: tuple[EntrantPlan, ...]

    @property
    def fault(self) -> PlanningFault | None:
        """Why the trials of the pairing cannot run; None if they can."""
        return self.problem.fault or self.entrants[0].fault

    @property
    def work(self) -> Work:
        """The work of the pairing, by which long pairings start first and shards are dealt."""
        problem = self.problem
        name = digest(problem.label, [entrant.label for entrant in self.entrants])
        return Work(problem.dimension * problem.budget, name)


class BatchPlan(msgspec.Struct, frozen=True):
    """Trials that run together: every setting on every seed of one role."""

    problem: ProblemPlan
    optimizer: str
    optimizer_source: str
    statics: tuple[str, ...]
    oracle: str
    price: float
    """The smallest number of calls that a step costs."""
    settings: tuple[dict[str, Any], ...]
    role: Role
    seeds: tuple[int, ...]
    divided_trials: int = 0
    """Trials of the larger batch that was divided into this one and others; 0 if there was none."""

    @property
    def trials(self) -> int:
        """Number of trials."""
        return len(self.settings) * len(self.seeds)

    @property
    def planned_trials(self) -> int:
        """Number of trials before the division, which decides the engine."""
        return max(self.trials, self.divided_trials)


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
    """"cpu", "cuda" for all CUDA devices, or "cuda:1" for one."""
    suite: dict[str, Any]
    """The same as a runnable suite."""
    engine: Engine = Engine.AUTO
    """Requested engine. It is not in a trial's key, because engines agree up to rounding."""
    tolerance: float | None = None
    """Gradient norm at which a trial stops as converged; None to run on."""
    gradient_source: str = ""
    """Digest of the gradient; empty in plans from before there were several gradients."""
    gradient_origin: Origin = Origin()
    """The files and versions that `gradient_source` is a digest of."""
    metrics: dict[str, Origin] = {}
    """The registered metrics. They are not in a trial's key, so that a further metric runs no trial again."""
    refinements: int = 0
    """Further rates on either side of the best rate of the grid, between it and its neighbours."""
    stop_when_solved: bool = True
    """A trial ends once all targets are reached, as in the protocol; the score is the same if it runs on."""
    small_tuning_seeds: int = 0
    """Tuning seeds of small problems; 0 in plans from before: as many as of others."""
    protocol: str = PROTOCOL
    shard: Shard | None = None
    """The share of the pairings that a folder is for; None for all. Problems and entrants are those of all shards."""

    def has_metrics(self, sources: Mapping[str, str]) -> bool:
        """Return whether metrics that were stored with these digests are still those of the plan, or left it."""
        return all(
            name not in self.metrics or self.metrics[name].digest == source
            for name, source in sources.items()
        )

    @property
    def most_trials(self) -> int:
        """Upper bound of the number of trials, without extensions of the grid."""
        rates = len(self.rates) + 2 * self.refinements if "tuned" in self.tracks else 0
        settings = rates + max(len(entrant.search) for entrant in self.entrants)
        tuning_seeds = sum(map(self.tuning_seeds_of, self.problems))
        evaluations = len(self.problems) * len(self.tracks) * self.evaluation_seeds
        return len(self.entrants) * (evaluations + settings * tuning_seeds)

    def pairings(self) -> list[Pairing]:
        """Return each problem with each group of entrants that may share a batch, those of the shard if there is one.

        A shard contains whole pairings: the choice of a setting needs all tuning trials of its pairing.
        """
        groups: dict[str, list[EntrantPlan]] = {}
        for entrant in self.entrants:
            statics = {name: entrant.hyperparameters[name] for name in entrant.shared_statics}
            groups.setdefault(digest(entrant.name, statics, entrant.fault is None), []).append(entrant)
        pairings = [Pairing(problem, tuple(group)) for problem in self.problems for group in groups.values()]
        if self.shard is None:
            return pairings
        return [pairings[position] for position in self.shard.positions([each.work for each in pairings])]

    def of_shard(self, shard: Shard | None) -> "Plan":
        """Return the plan of a shard, or of all shards. Raises: UsageError if the shard is empty."""
        plan = msgspec.structs.replace(self, shard=shard)
        if shard is not None and not plan.pairings():
            count = len(self.of_shard(None).pairings())
            raise UsageError(
                f"shard {shard} is empty, because the study has {plural(count, 'pairing')} of a problem and an "
                f"optimizer; divide it into at most {plural(count, 'shard')}"
            )
        return plan

    def seeds_of(self, problem: ProblemPlan, entrant: EntrantPlan, role: Role) -> range:
        """Return the seeds of an entrant's trials in a role, fewer if the trials declare no randomness.

        Then only seed 0 runs; with a third-party plugin two seeds, because a declaration proves nothing.
        """
        seeds = self.all_seeds(problem, role)
        if problem.is_deterministic_for(entrant):
            return seeds[: 1 if problem.built_in and entrant.built_in else OBSERVED_SEEDS]
        return seeds

    def all_seeds(self, problem: ProblemPlan, role: Role) -> range:
        """Return the seeds of a problem in a role."""
        return range(self.tuning_seeds_of(problem) if role == "tuning" else self.evaluation_seeds)

    def tuning_seeds_of(self, problem: ProblemPlan) -> int:
        """Return the number of tuning seeds of a problem, which is larger if the problem is small."""
        is_small = problem.dimension <= SMALL_DIMENSION
        return (is_small and self.small_tuning_seeds) or self.tuning_seeds

    def describe_seeds(self) -> str:
        """Return the numbers of seeds, such as "20 evaluation seeds, 6 or 10 tuning seeds"."""
        numbers = sorted({self.tuning_seeds_of(problem) for problem in self.problems})
        tuning = (
            plural(numbers[0], "tuning seed")
            if len(numbers) == 1
            else f"{numbers[0]} or {numbers[1]} tuning seeds"
        )
        return f"{plural(self.evaluation_seeds, 'evaluation seed')}, {tuning}"

    def batch(
        self,
        pairing: Pairing,
        settings: Sequence[Mapping[str, Any]],
        role: Role,
        seeds: Sequence[int],
        divided_trials: int = 0,
    ) -> BatchPlan:
        """Return the batch of these settings and seeds of a pairing."""
        first = pairing.entrants[0]
        return BatchPlan(
            problem=pairing.problem,
            optimizer=first.name,
            optimizer_source=first.source,
            statics=first.statics,
            oracle=pairing.problem.oracle_of(first),
            price=pairing.problem.price_of(first),
            settings=tuple(dict(setting) for setting in settings),
            role=role,
            seeds=tuple(seeds),
            divided_trials=divided_trials,
        )

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
        gradient = (self.gradient, self.gradient_source) if self.gradient_source else (self.gradient,)
        # Left out by default, so that trials from before these options keep their keys.
        stopping: list[object] = [] if self.tolerance is None else [{"tolerance": self.tolerance}]
        stopping += [] if self.stop_when_solved else [{"stop_when_solved": False}]
        before = [
            self.protocol, self.study_seed, problem.name, problem.parameters, problem.source, *optimizer,
            dict(hyperparameters), role,
        ]  # fmt: skip
        after = [problem.budget, *gradient, problem.dtype, device, self.checkpoints, *stopping]
        return digests(before, seeds, after)

    def keys(self, batch: BatchPlan) -> list[list[str]]:
        """Return the keys of the trials of a batch, `[seeds][settings]`."""
        optimizer = (batch.optimizer, batch.optimizer_source)
        keys_by_setting = [
            self.keys_of(batch.problem, optimizer, setting, batch.role, batch.seeds)
            for setting in batch.settings
        ]
        return [list(keys_of_seed) for keys_of_seed in zip(*keys_by_setting, strict=True)]
