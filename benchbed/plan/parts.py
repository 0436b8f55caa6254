"""Plans of a problem and of an optimizer, the parts of a study, as plain data."""

from typing import Any, Literal

import msgspec

from benchbed.catalog.records import Origin
from benchbed.interfaces import TrialStatus
from benchbed.interfaces.references import ReferenceKind


class PlanningFault(msgspec.Struct, frozen=True):
    """Why a problem or an optimizer cannot be planned, and the status of its trials, which do not run."""

    status: TrialStatus
    reason: str


class ProblemPlan(msgspec.Struct, frozen=True):
    """A problem of the study, with its properties that the protocol needs."""

    name: str
    parameters: dict[str, Any]
    """The parameters that differ from the defaults."""
    label: str
    """The canonical selector."""
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
    reference: ReferenceKind | None = None
    """Kind of f* if it is a stored reference value; None if it is not."""
    reference_fault: str = ""
    """Why a stored reference value does not hold; "" if it does, or there is none."""
    gradient_price: float = 1.0
    """Calls that a loss and its gradient cost with the gradient of the study."""
    gradient_draws: bool = False
    """The gradient of the study has random draws in every step."""
    built_in: bool = True
    """Neither the problem nor the gradient of the study is a third party's."""
    origin: Origin = Origin()
    """The files and versions that `source` is a digest of."""
    start_strata: int = 1
    """Kinds of starts, by the remainder of the seed."""
    score_start: float = 1e-4
    """Share of the budget at which the axis of the score starts."""
    defaults: dict[str, Any] = {}
    """The values of the other parameters."""
    group: str = "other"
    """The group of the problem, by which tables compare optimizers."""
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
    search: tuple[dict[str, Any], ...] = ()
    """The values that the track `searched` tries; empty without that track or without a search space."""
    origin: Origin = Origin()
    """The files and versions that `source` is a digest of."""
    fault: PlanningFault | None = None
    """Why the optimizer could not be planned, as for a problem."""
    draws: bool = False
    """The optimizer has random draws in every step."""
    built_in: bool = True
    """The optimizer is not a third party's."""
    choices: dict[str, tuple[Any, ...]] = {}
    """The values of each parameter that a search may choose from a list; only one if the selector fixes it."""

    @property
    def shared_statics(self) -> tuple[str, ...]:
        """Names of the static parameters that have one value in all trials."""
        return tuple(name for name in self.statics if name not in self.choices)

    def searched(self) -> list[dict[str, Any]]:
        """Return the settings that a search tries."""
        return [{**self.hyperparameters, **values} for values in self.search]

    def at(self, learning_rate: float) -> dict[str, Any]:
        """Return the hyperparameters with another learning rate."""
        return {**self.hyperparameters, "learning_rate": learning_rate}
