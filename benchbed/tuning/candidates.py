"""Say which settings a track tries on the tuning seeds, and which of them wins."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchbed.interfaces.notes import GridExtended, Note, RowNote
from benchbed.plan import EntrantPlan, Pairing, Plan
from benchbed.plan.model import Track
from benchbed.plan.presets import HIGHEST_DECADE, LOWEST_DECADE, grid_rate
from benchbed.seeds import Role
from benchbed.tuning.outcomes import Outcome
from benchbed.tuning.selection import Choice, choose_point, choose_rate

Known = Mapping[str, Outcome]
"""Outcomes of finished trials by key."""


class Winner(NamedTuple):
    """The setting that a track evaluates."""

    hyperparameters: dict[str, Any]
    settings_tried: int
    notes: tuple[RowNote, ...] = ()


def settings_tried(
    plan: Plan, pairing: Pairing, entrant: EntrantPlan, track: Track, known: Known
) -> list[dict[str, Any]]:
    """List the settings that `track` tries for an entrant; none where there is nothing to choose."""
    if track == "tuned" and entrant.tunable:
        return [entrant.at(rate) for rate in rates_to_try(plan, pairing, entrant, known)]
    return entrant.searched() if track == "searched" else []


def winner(plan: Plan, pairing: Pairing, entrant: EntrantPlan, track: Track, known: Known) -> Winner | None:
    """Give the setting that `track` evaluates; None while its tuning trials are not all known."""
    tried = settings_tried(plan, pairing, entrant, track, known)
    if not tried:
        notes = () if track == "default" else (Note.NOTHING_TO_TUNE,)
        return Winner(entrant.hyperparameters, 1, notes)
    if track == "searched":
        return _searched(plan, pairing, entrant, tried, known)
    rates = tuple(setting["learning_rate"] for setting in tried)
    choice = _choice(plan, pairing, entrant, rates, known)
    if choice is None:
        return None
    return Winner(entrant.at(choice.learning_rate), len(rates), _edge_notes(plan, rates, choice))


def rates_to_try(plan: Plan, pairing: Pairing, entrant: EntrantPlan, known: Known) -> tuple[float, ...]:
    """Give the grid of an entrant: the shared one, extended by a decade for each clear winner on its edge."""
    rates = plan.rates
    low, high = LOWEST_DECADE * plan.rates_per_decade, HIGHEST_DECADE * plan.rates_per_decade
    for _ in range(plan.extensions):
        choice = _choice(plan, pairing, entrant, rates, known)
        if choice is None or not choice.on_edge:
            break
        if choice.on_edge < 0:
            low -= plan.rates_per_decade
        else:
            high += plan.rates_per_decade
        rates = tuple(grid_rate(position, plan.rates_per_decade) for position in range(low, high + 1))
    return rates


def tuning_keys(plan: Plan, pairing: Pairing, entrant: EntrantPlan, rate: float) -> list[str]:
    """Give the keys of one learning rate's tuning trials, in the order of the seeds."""
    return keys_of(plan, pairing, entrant, entrant.at(rate), "tuning")


def keys_of(
    plan: Plan, pairing: Pairing, entrant: EntrantPlan, setting: Mapping[str, Any], role: Role
) -> list[str]:
    """Give the keys of a setting's trials in a role, in the order of the seeds."""
    optimizer = (entrant.name, entrant.source)
    seeds = plan.seeds_of(pairing.problem, entrant, role)
    return plan.keys_of(pairing.problem, optimizer, setting, role, seeds)


def _searched(
    plan: Plan, pairing: Pairing, entrant: EntrantPlan, tried: list[dict[str, Any]], known: Known
) -> Winner | None:
    keys = [keys_of(plan, pairing, entrant, setting, "tuning") for setting in tried]
    if not all(key in known for of_setting in keys for key in of_setting):
        return None
    outcomes = [[known[key] for key in of_setting] for of_setting in keys]
    rates = [float(setting.get("learning_rate", math.nan)) for setting in tried]
    best = choose_point(outcomes, rates, _middle(plan))
    return Winner(tried[best], len(tried))


def _choice(
    plan: Plan, pairing: Pairing, entrant: EntrantPlan, rates: tuple[float, ...], known: Known
) -> Choice | None:
    keys = {rate: tuning_keys(plan, pairing, entrant, rate) for rate in rates}
    if not all(key in known for of_rate in keys.values() for key in of_rate):
        return None
    tried = {rate: [known[key] for key in of_rate] for rate, of_rate in keys.items()}
    return choose_rate(tried, _middle(plan))


def _middle(plan: Plan) -> float:
    return math.sqrt(plan.rates[0] * plan.rates[-1])


def _edge_notes(plan: Plan, rates: tuple[float, ...], choice: Choice) -> tuple[RowNote, ...]:
    extended = (GridExtended(min(rates), max(rates)),) if len(rates) > len(plan.rates) else ()
    edge = {-1: (Note.BEST_AT_LOWER_EDGE,), 0: (), 1: (Note.BEST_AT_UPPER_EDGE,)}[choice.on_edge]
    return (*extended, *edge)
