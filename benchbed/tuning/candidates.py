"""Settings that a track tries on the tuning seeds, and the winner that it evaluates."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from benchbed.interfaces import GridExtended, Note, RowNote
from benchbed.interfaces.results import Track
from benchbed.plan import EntrantPlan, Pairing, Plan
from benchbed.plan.model import OBSERVED_SEEDS
from benchbed.plan.presets import grid_position, grid_rate
from benchbed.seeds import Role
from benchbed.tuning.outcomes import Outcome
from benchbed.tuning.selection import (
    SelectedRate,
    choose_rate,
    distance_from_middle,
    rank_points,
    scores_and_gaps,
)

Setting = Mapping[str, Any]
"""Hyperparameters by name."""


class Winner(NamedTuple):
    """The setting that a track evaluates."""

    hyperparameters: dict[str, Any]
    settings_tried: int
    notes: tuple[RowNote, ...] = ()


class PairingState(NamedTuple):
    """A pairing of a plan, and the outcomes of the trials that have finished."""

    plan: Plan
    pairing: Pairing
    outcomes: Mapping[str, Outcome] = MappingProxyType({})
    """By trial key; those of other pairings are ignored."""

    def trial_keys(self, entrant: EntrantPlan, setting: Setting, role: Role) -> list[str]:
        """Return the keys of a setting's trials in a role, in the order of the seeds.

        If trials that declare no randomness differ between the first seeds, all seeds run.
        """
        problem = self.pairing.problem
        seeds, every_seed = self.plan.seeds_of(problem, entrant, role), self.plan.all_seeds(problem, role)
        if 1 < len(seeds) < len(every_seed) and self._depends_on_seed(entrant, setting, role):
            seeds = every_seed
        return self._keys(entrant, setting, role, seeds)

    def is_deterministic(self, entrant: EntrantPlan, setting: Setting) -> bool:
        """Return whether the evaluation of a setting does not depend on its seed, so that one trial represents all.

        With a third-party plugin this is concluded from equal results on the first seeds.
        """
        problem = self.pairing.problem
        if not problem.is_deterministic_for(entrant) or (problem.built_in and entrant.built_in):
            return problem.is_deterministic_for(entrant)
        outcomes = self.known_outcomes(self.trial_keys(entrant, setting, "evaluation"))
        digests = {outcome.digest for outcome in outcomes}
        return len(outcomes) == OBSERVED_SEEDS and len(digests) == 1 and None not in digests

    def _depends_on_seed(self, entrant: EntrantPlan, setting: Setting, role: Role) -> bool:
        """Return whether a setting, or one that runs in any case, ended differently on the first seeds."""
        settings: list[tuple[EntrantPlan, Setting, Role]] = [(entrant, setting, role)]
        for each in self.pairing.entrants:
            settings.append((each, each.hyperparameters, "evaluation"))
            settings += [(each, searched, "tuning") for searched in each.searched()]
            settings += [(each, each.at(rate), "tuning") for rate in self.plan.rates if each.tunable]
        return any(
            len(
                {
                    outcome.digest
                    for outcome in self.known_outcomes(self._keys(*of_setting, range(OBSERVED_SEEDS)))
                }
            )
            > 1
            for of_setting in settings
        )

    def _keys(self, entrant: EntrantPlan, setting: Setting, role: Role, seeds: range) -> list[str]:
        optimizer = (entrant.name, entrant.source)
        return self.plan.keys_of(self.pairing.problem, optimizer, setting, role, seeds)

    def known_outcomes(self, keys: Sequence[str]) -> list[Outcome]:
        """Return the outcomes of those of these trials that have finished."""
        return [self.outcomes[key] for key in keys if key in self.outcomes]

    def tuning_outcomes(
        self, entrant: EntrantPlan, settings: Sequence[Setting]
    ) -> list[list[Outcome]] | None:
        """Return the outcomes of tuning trials, `[settings][seeds]`; None until all of them have finished.

        If the optimum does not hold in one of them, the final objective decides in all.
        """
        keys = [self.trial_keys(entrant, setting, "tuning") for setting in settings]
        if not all(key in self.outcomes for of_setting in keys for key in of_setting):
            return None
        outcomes = [self.known_outcomes(of_setting) for of_setting in keys]
        if any(outcome.withheld for of_setting in outcomes for outcome in of_setting):
            return [[outcome.without_score() for outcome in of_setting] for of_setting in outcomes]
        return outcomes

    def settings_tried(self, entrant: EntrantPlan, track: Track) -> list[dict[str, Any]]:
        """List the settings that a track tries; none if there is nothing to choose."""
        if track == "tuned" and entrant.tunable:
            return [entrant.at(rate) for rate in self.rates_to_try(entrant)]
        return entrant.searched() if track == "searched" else []

    def rate_distances(self, settings: Sequence[Setting]) -> list[float]:
        """Return the distance of each setting's learning rate from the middle of the grid, 0 without a rate."""
        rates = (float(setting.get("learning_rate", math.nan)) for setting in settings)
        return [distance_from_middle(rate, self._middle_rate) for rate in rates]

    def rates_to_try(self, entrant: EntrantPlan) -> tuple[float, ...]:
        """Return the shared grid of learning rates, with further ones once its trials have finished.

        A clear winner on the edge extends the grid by a decade, at most `extensions` times. Then the spacing around the
        winner is divided by `refinements` + 1: as many rates run on either side of it, unless it won by a tie.
        """
        rates, per_decade = self.plan.rates, self.plan.rates_per_decade
        low, high = (grid_position(rate, per_decade) for rate in (rates[0], rates[-1]))
        for _ in range(self.plan.extensions):
            selected = self._select_rate(entrant, rates)
            if selected is None or not selected.on_edge:
                break
            if selected.on_edge < 0:
                low -= per_decade
            else:
                high += per_decade
            rates = tuple(grid_rate(position, per_decade) for position in range(low, high + 1))
        selected = self._select_rate(entrant, rates) if self.plan.refinements else None
        if selected is None or selected.is_tied:
            return rates
        parts = self.plan.refinements + 1
        center = parts * (low + rates.index(selected.learning_rate))
        around = (grid_rate(center + offset, parts * per_decade) for offset in range(1 - parts, parts))
        return tuple(sorted({*rates, *around}))

    def winner(self, entrant: EntrantPlan, track: Track) -> Winner | None:
        """Return the setting that a track evaluates; None until its tuning trials have finished."""
        settings = self.settings_tried(entrant, track)
        if not settings:
            notes = () if track == "default" else (Note.NOTHING_TO_TUNE,)
            return Winner(entrant.hyperparameters, 1, notes)
        if track == "searched":
            outcomes = self.tuning_outcomes(entrant, settings)
            if outcomes is None:
                return None
            best = rank_points(*scores_and_gaps(outcomes), self.rate_distances(settings))[0]
            return Winner(settings[best], len(settings))
        rates = tuple(setting["learning_rate"] for setting in settings)
        selected = self._select_rate(entrant, rates)
        if selected is None:
            return None
        step = 10 ** (1 / self.plan.rates_per_decade)  # a refinement stays within a step of the grid
        is_extended = min(rates) < self.plan.rates[0] / step or max(rates) > self.plan.rates[-1] * step
        extended = (GridExtended(min(rates), max(rates)),) if is_extended else ()
        edge = {-1: (Note.BEST_AT_LOWER_EDGE,), 0: (), 1: (Note.BEST_AT_UPPER_EDGE,)}[selected.on_edge]
        return Winner(entrant.at(selected.learning_rate), len(rates), (*extended, *edge))

    def _select_rate(self, entrant: EntrantPlan, rates: tuple[float, ...]) -> SelectedRate | None:
        outcomes = self.tuning_outcomes(entrant, [entrant.at(rate) for rate in rates])
        if outcomes is None:
            return None
        return choose_rate(dict(zip(rates, outcomes, strict=True)), self._middle_rate)

    @property
    def _middle_rate(self) -> float:
        return math.sqrt(self.plan.rates[0] * self.plan.rates[-1])
