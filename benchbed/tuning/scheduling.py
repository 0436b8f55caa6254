"""Say which trials each track of a pairing consists of, as far as they are known, and which are still missing."""

from typing import Any, NamedTuple

from benchbed.interfaces.notes import Note, RowNote
from benchbed.plan import BatchPlan, EntrantPlan, Pairing, Plan
from benchbed.plan.model import Track
from benchbed.seeds import Role
from benchbed.tuning.candidates import Known, keys_of, settings_tried, winner
from benchbed.tuning.outcomes import knows_budget, reasons_for_skipping


class Placement(NamedTuple):
    """An entrant's setting in a track, with the keys of its evaluation trials."""

    entrant: EntrantPlan
    track: Track
    hyperparameters: dict[str, Any]
    keys: tuple[str, ...]
    settings_tried: int
    notes: tuple[RowNote, ...]


def placements(plan: Plan, pairing: Pairing, known: Known) -> list[Placement]:
    """List the rows of a pairing; one that depends on a choice is there once its tuning trials are known."""
    return [row for entrant in pairing.entrants for row in _rows_of(plan, pairing, entrant, known)]


def missing_batches(plan: Plan, pairing: Pairing, known: Known) -> list[BatchPlan]:
    """List what must run next; empty once the pairing is complete.

    Evaluation of the settings that are fixed, and tuning, come first; the evaluation of a choice follows when its
    tuning trials are known, in a batch of its own: whatever was known when a study was interrupted, the same trials
    run together, and so give the same bits.
    """
    rows = placements(plan, pairing, known)
    chosen = [row for row in rows if settings_tried(plan, pairing, row.entrant, row.track, known)]
    fixed = [row.hyperparameters for row in rows if row not in chosen]
    tuning = [_tried(plan, pairing, track, known) for track in plan.tracks]
    groups: list[tuple[Role, list[dict[str, Any]]]] = [
        ("evaluation", fixed),
        *(("evaluation", [row.hyperparameters]) for row in chosen),
        *(("tuning", settings) for settings in tuning),
    ]
    taken: set[str] = set()
    return [
        batch for role, settings in groups for batch in _batches(plan, pairing, settings, role, known, taken)
    ]


def planned_keys(plan: Plan, pairing: Pairing, known: Known) -> set[str]:
    """Give the keys of every trial of a pairing that is planned as far as `known` tells."""
    entrant = pairing.entrants[0]  # keys name the optimizer, which all of them share
    tuning = {
        key
        for track in plan.tracks
        for setting in _tried(plan, pairing, track, known)
        for key in keys_of(plan, pairing, entrant, setting, "tuning")
    }
    return tuning.union(*(row.keys for row in placements(plan, pairing, known)))


def _tried(plan: Plan, pairing: Pairing, track: Track, known: Known) -> list[dict[str, Any]]:
    return [
        setting
        for entrant in pairing.entrants
        for setting in settings_tried(plan, pairing, entrant, track, known)
    ]


def _rows_of(plan: Plan, pairing: Pairing, entrant: EntrantPlan, known: Known) -> list[Placement]:
    placed = (_place(plan, pairing, entrant, track, known) for track in plan.tracks)
    rows = [row for row in placed if row is not None]
    if not any(knows_budget(row.keys, known) for row in rows):
        return rows
    return [row._replace(notes=(*row.notes, Note.KNOWS_BUDGET)) for row in rows]


def _place(
    plan: Plan, pairing: Pairing, entrant: EntrantPlan, track: Track, known: Known
) -> Placement | None:
    won = winner(plan, pairing, entrant, track, known)
    if won is None:
        return None
    exact = (Note.EXACT_ORACLE,) if pairing.problem.oracle_of(entrant) == "exact" else ()
    fixed = (Note.DETERMINISTIC,) if pairing.problem.is_deterministic_for(entrant) else ()
    keys = keys_of(plan, pairing, entrant, won.hyperparameters, "evaluation")
    notes = (*exact, *fixed, *won.notes, *reasons_for_skipping(keys, known))
    return Placement(entrant, track, won.hyperparameters, tuple(keys), won.settings_tried, notes)


def _batches(
    plan: Plan,
    pairing: Pairing,
    settings: list[dict[str, Any]],
    role: Role,
    known: Known,
    taken: set[str],
) -> list[BatchPlan]:
    # Settings that lack the same seeds run together; usually all lack all of them.
    lacking: dict[tuple[int, ...], list[dict[str, Any]]] = {}
    for setting in settings:
        keys = keys_of(plan, pairing, pairing.entrants[0], setting, role)
        seeds_left = tuple(seed for seed, key in enumerate(keys) if key not in known)
        if seeds_left and keys[0] not in taken:
            taken.add(keys[0])
            lacking.setdefault(seeds_left, []).append(setting)
    return [plan.batch(pairing, group, role, left) for left, group in lacking.items()]
