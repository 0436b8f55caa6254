"""Rows of a pairing with their evaluation trials, and the batches that must run next."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from benchbed.interfaces import Note, RowNote
from benchbed.interfaces.results import Track
from benchbed.plan import BatchPlan, EntrantPlan, Pairing, Plan
from benchbed.seeds import Role, digest
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import notes_of_trials

MOST_TRIALS = 10_000
"""Trials of a batch: the memory of its process and the size of its file do not grow with the study."""


class EvaluatedSetting(NamedTuple):
    """The setting of an entrant that a track evaluates: a row of the summary."""

    entrant: EntrantPlan
    track: Track
    hyperparameters: dict[str, Any]
    keys: tuple[str, ...]
    """Keys of the evaluation trials, in the order of the seeds."""
    settings_tried: int
    notes: tuple[RowNote, ...]


def evaluated_settings(state: PairingState) -> list[EvaluatedSetting]:
    """List the rows of a pairing; a row that depends on tuning is missing until its tuning trials have finished."""
    rows = []
    problem = state.pairing.problem
    for entrant in state.pairing.entrants:
        exact = (Note.EXACT_ORACLE,) if problem.oracle_of(entrant) == "exact" else ()
        of_entrant, reads_progress = [], False
        for track in state.plan.tracks:
            winner = state.winner(entrant, track)
            if winner is None:
                continue
            keys = tuple(state.trial_keys(entrant, winner.hyperparameters, "evaluation"))
            is_deterministic = state.is_deterministic(entrant, winner.hyperparameters)
            deterministic = (Note.DETERMINISTIC,) if is_deterministic else ()
            outcomes = state.known_outcomes(keys)
            reads_progress |= any(outcome.reads_progress for outcome in outcomes)
            notes = (*exact, *deterministic, *winner.notes, *notes_of_trials(outcomes))
            of_entrant.append(
                EvaluatedSetting(
                    entrant,
                    track,
                    winner.hyperparameters,
                    keys[:1] if is_deterministic else keys,
                    winner.settings_tried,
                    notes,
                )
            )
        # An optimizer that reads the budget in one track can read it in every track.
        budget = (Note.KNOWS_BUDGET,) if reads_progress else ()
        rows += [row._replace(notes=(*row.notes, *budget)) for row in of_entrant]
    return rows


def missing_batches(state: PairingState) -> list[BatchPlan]:
    """List the batches that must run next; empty once the pairing is complete.

    The evaluation of fixed settings and the tuning come first. The winner of a tuning is evaluated after its tuning
    trials, in a batch of its own: then the same trials run together however often a study is interrupted, and so
    their results are equal to the bit.
    """
    entrant = state.pairing.entrants[0]  # its static parameters are those of all
    fixed: list[dict[str, Any]] = []
    tuned: list[dict[str, Any]] = []
    for each in state.pairing.entrants:
        for track in state.plan.tracks:
            if (winner := state.winner(each, track)) is not None:
                (tuned if state.settings_tried(each, track) else fixed).append(winner.hyperparameters)
    groups: list[tuple[Role, list[dict[str, Any]]]] = [
        ("evaluation", fixed),
        *(("evaluation", [setting]) for setting in tuned),
        *(("tuning", _settings_tried(state, track)) for track in state.plan.tracks),
    ]
    batches: list[BatchPlan] = []
    scheduled: set[str] = set()
    for role, settings in groups:
        # Settings with the same static parameters run together; usually all of them.
        together: dict[str, list[_SettingTrials]] = {}
        for setting in settings:
            keys = state.trial_keys(entrant, setting, role)
            if keys[0] not in scheduled:
                scheduled.add(keys[0])
                missing_seeds = tuple(seed for seed, key in enumerate(keys) if key not in state.outcomes)
                statics = digest({name: setting[name] for name in entrant.statics})
                together.setdefault(statics, []).append(_SettingTrials(setting, missing_seeds))
        for of_group in together.values():
            batches += _missing_of_group(state, role, of_group)
    return batches


class _SettingTrials(NamedTuple):
    """A setting and the seeds of its trials that have not finished."""

    setting: dict[str, Any]
    missing_seeds: tuple[int, ...]


def _missing_of_group(state: PairingState, role: Role, group: list[_SettingTrials]) -> Iterator[BatchPlan]:
    """Yield the missing trials of settings that run together, divided into equal batches of at most `MOST_TRIALS`.

    Settings that lack the same seeds share a batch. The division and the size that decides the engine depend on all
    trials of the group, and not on those that have finished.
    """
    seeds = len(state.plan.all_seeds(state.pairing.problem, role))
    trials = len(group) * seeds
    for start in range(0, len(group), MOST_TRIALS):
        of_part = group[start : start + MOST_TRIALS]
        parts = -(-seeds * len(of_part) // MOST_TRIALS)
        seeds_of_part = -(-seeds // parts)
        batches: dict[tuple[int, ...], list[dict[str, Any]]] = {}
        for setting, missing_seeds in of_part:
            blocks: dict[int, list[int]] = {}
            for seed in missing_seeds:
                blocks.setdefault(seed // seeds_of_part, []).append(seed)
            for block in blocks.values():
                batches.setdefault(tuple(block), []).append(setting)
        for block_of_seeds, settings in batches.items():
            yield state.plan.batch(
                state.pairing, settings, role, block_of_seeds, trials if trials > MOST_TRIALS else 0
            )


def waves_of(plan: Plan, pairing: Pairing) -> tuple[list[BatchPlan], list[BatchPlan]]:
    """Return the batches that can run at once, and the evaluations of the settings that their tuning will choose.

    The settings of the second list stand for the chosen ones, which are not known yet.
    """
    state = PairingState(plan, pairing)
    choices: list[BatchPlan] = []
    for entrant in pairing.entrants:
        for track in plan.tracks:
            if settings := state.settings_tried(entrant, track):
                seeds = tuple(plan.seeds_of(pairing.problem, entrant, "evaluation"))
                choices += _missing_of_group(state, "evaluation", [_SettingTrials(settings[0], seeds)])
    return missing_batches(state), choices


def planned_keys(state: PairingState) -> set[str]:
    """Return the keys of every trial that a pairing consists of, as far as its outcomes determine them."""
    entrant = state.pairing.entrants[0]  # keys contain the name of the optimizer, which all entrants share
    tuning = {
        key
        for track in state.plan.tracks
        for setting in _settings_tried(state, track)
        for key in state.trial_keys(entrant, setting, "tuning")
    }
    # The trials on further seeds that show that a row is deterministic are not among its keys.
    return tuning.union(
        *(
            state.trial_keys(row.entrant, row.hyperparameters, "evaluation")
            for row in evaluated_settings(state)
        )
    )


def _settings_tried(state: PairingState, track: Track) -> list[dict[str, Any]]:
    return [setting for entrant in state.pairing.entrants for setting in state.settings_tried(entrant, track)]
