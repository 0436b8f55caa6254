"""Say which trials each track of a pairing consists of, as far as they are known, and which are still missing."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchbed.analysis.outcomes import Outcome
from benchbed.analysis.overall import EXACT_ORACLE
from benchbed.analysis.selection import Choice, choose_rate
from benchbed.plan import BatchPlan, EntrantPlan, Pairing, Plan
from benchbed.plan.model import Track
from benchbed.plan.presets import HIGHEST_DECADE, LOWEST_DECADE, grid_rate

Known = Mapping[str, Outcome]
"""Outcomes of finished trials by key."""


class Placement(NamedTuple):
    """An entrant's setting in a track, with the keys of its evaluation trials."""

    entrant: EntrantPlan
    track: Track
    hyperparameters: dict[str, Any]
    keys: tuple[str, ...]
    settings_tried: int
    notes: tuple[str, ...]


def placements(plan: Plan, pairing: Pairing, known: Known) -> list[Placement]:
    """List the rows of a pairing; a tuned row is there once its tuning trials are known."""
    rows: list[Placement] = []
    for entrant in pairing.entrants:
        for track in plan.tracks:
            placed = _place(plan, pairing, entrant, track, known)
            if placed is not None:
                rows.append(placed)
    return rows


def missing_batches(plan: Plan, pairing: Pairing, known: Known) -> list[BatchPlan]:
    """List what must run next; empty once the pairing is complete.

    Evaluation of the settings that are fixed, and tuning, come first; the evaluation of a choice follows when its
    tuning trials are known, in a batch of its own: whatever was known when a study was interrupted, the same trials
    run together, and so give the same bits.
    """
    rows = placements(plan, pairing, known)
    tuned = [entrant for entrant in pairing.entrants if _is_tuned(plan, entrant)]
    chosen = [row for row in rows if row.track == "tuned" and row.entrant in tuned]
    fixed = [row.hyperparameters for row in rows if row not in chosen]
    grid = [entrant.at(rate) for entrant in tuned for rate in rates_to_try(plan, pairing, entrant, known)]
    evaluation = [fixed, *([row.hyperparameters] for row in chosen)]
    taken: set[str] = set()
    return [
        batch
        for role, seeds, groups in (
            ("evaluation", plan.evaluation_seeds, evaluation),
            ("tuning", plan.tuning_seeds, [grid]),
        )
        for settings in groups
        for batch in _batches(plan, pairing, settings, role, seeds, known, taken)
    ]


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
    return _keys(plan, pairing, entrant, entrant.at(rate), "tuning", plan.tuning_seeds)


def planned_keys(plan: Plan, pairing: Pairing, known: Known) -> set[str]:
    """Give the keys of every trial of a pairing that is planned as far as `known` tells."""
    tuned = [entrant for entrant in pairing.entrants if _is_tuned(plan, entrant)]
    tuning = {
        key
        for entrant in tuned
        for rate in rates_to_try(plan, pairing, entrant, known)
        for key in tuning_keys(plan, pairing, entrant, rate)
    }
    return tuning.union(*(row.keys for row in placements(plan, pairing, known)))


def _place(
    plan: Plan, pairing: Pairing, entrant: EntrantPlan, track: Track, known: Known
) -> Placement | None:
    notes = [EXACT_ORACLE] if pairing.problem.oracle_of(entrant) == "exact" else []
    hyperparameters, tried = entrant.hyperparameters, 1
    if track == "tuned" and not entrant.tunable:
        notes.append("nothing to tune")
    elif track == "tuned":
        rates = rates_to_try(plan, pairing, entrant, known)
        choice = _choice(plan, pairing, entrant, rates, known)
        if choice is None:
            return None
        hyperparameters, tried = entrant.at(choice.learning_rate), len(rates)
        notes += _edge_notes(plan, rates, choice)
    keys = _keys(plan, pairing, entrant, hyperparameters, "evaluation", plan.evaluation_seeds)
    return Placement(entrant, track, hyperparameters, tuple(keys), tried, tuple(notes))


def _edge_notes(plan: Plan, rates: tuple[float, ...], choice: Choice) -> list[str]:
    notes = [f"grid extended to {min(rates):g}…{max(rates):g}"] if len(rates) > len(plan.rates) else []
    if choice.on_edge:
        notes.append(f"best rate at the {'upper' if choice.on_edge > 0 else 'lower'} edge of the grid")
    return notes


def _choice(
    plan: Plan, pairing: Pairing, entrant: EntrantPlan, rates: tuple[float, ...], known: Known
) -> Choice | None:
    keys = {rate: tuning_keys(plan, pairing, entrant, rate) for rate in rates}
    if not all(key in known for of_rate in keys.values() for key in of_rate):
        return None
    tried = {rate: [known[key] for key in of_rate] for rate, of_rate in keys.items()}
    return choose_rate(tried, middle=math.sqrt(plan.rates[0] * plan.rates[-1]))


def _is_tuned(plan: Plan, entrant: EntrantPlan) -> bool:
    return "tuned" in plan.tracks and entrant.tunable


def _keys(
    plan: Plan, pairing: Pairing, entrant: EntrantPlan, setting: dict[str, Any], role: Any, seeds: int
) -> list[str]:
    optimizer = (entrant.name, entrant.source)
    return [plan.key(pairing.problem, optimizer, setting, role, seed) for seed in range(seeds)]


def _batches(
    plan: Plan,
    pairing: Pairing,
    settings: list[dict[str, Any]],
    role: Any,
    seeds: int,
    known: Known,
    taken: set[str],
) -> list[BatchPlan]:
    # Settings that lack the same seeds run together; usually all lack all of them.
    lacking: dict[tuple[int, ...], list[dict[str, Any]]] = {}
    for setting in settings:
        keys = _keys(plan, pairing, pairing.entrants[0], setting, role, seeds)
        seeds_left = tuple(seed for seed, key in enumerate(keys) if key not in known)
        if seeds_left and keys[0] not in taken:
            taken.add(keys[0])
            lacking.setdefault(seeds_left, []).append(setting)
    return [plan.batch(pairing, group, role, left) for left, group in lacking.items()]
