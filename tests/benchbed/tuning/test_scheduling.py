"""Batches that must run next, and the trials that a row of the summary consists of."""

import itertools
import math

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchbed.interfaces import GridExtended, Note, SkippedBecause
from benchbed.plan.presets import grid_rate, learning_rates
from benchbed.tuning import scheduling
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import Outcome
from benchbed.tuning.scheduling import evaluated_settings, missing_batches, planned_keys, waves_of

BASE_GRID = [10.0**k for k in range(-6, 3)]


def rates_of(batch):
    return [setting["learning_rate"] for setting in batch.settings]


def keys_in(state, batch):
    return {key for keys in state.plan.keys(batch) for key in keys}


def prefer(best_rate):
    """Judge settings by the distance of their rate from `best_rate`, in steps of the grid."""
    return lambda setting: (
        1 / (1 + abs(BASE_GRID.index(setting["learning_rate"]) - BASE_GRID.index(best_rate))),
        1.0,
    )


def climb(setting):
    """Judge larger rates as better."""
    return setting["learning_rate"], 1.0


def descend(setting):
    """Judge smaller rates as better."""
    return 1 / setting["learning_rate"], 1.0


@pytest.fixture
def state_of(plan_of):
    """Return a function that plans a request and returns the state of its first pairing, without outcomes."""

    def make(*arguments, refinements=0, **fields):
        plan = msgspec.structs.replace(plan_of(*arguments, **fields), refinements=refinements)
        return PairingState(plan, plan.pairings()[0])

    return make


@pytest.fixture
def run(finish):
    """Return a function that adds the outcomes of batches, by default of all missing ones, to a state."""

    def run(state, judge, batches=None):
        batches = missing_batches(state) if batches is None else batches
        return state._replace(outcomes={**state.outcomes, **finish(state.plan, batches, judge)})

    return run


def test_fixed_settings_and_the_grid_run_first(state_of):
    """Without outcomes the default runs on the evaluation seeds and the grid on the tuning seeds."""
    evaluation, tuning = missing_batches(state_of())
    assert (evaluation.role, evaluation.seeds, rates_of(evaluation)) == ("evaluation", (0, 1, 2), [1e-3])
    assert (tuning.role, tuning.seeds, rates_of(tuning)) == ("tuning", (0, 1), BASE_GRID)


def test_the_winner_is_evaluated_after_its_tuning(state_of, run):
    """The winner, 10⁻², runs on the evaluation seeds; then nothing is missing."""
    state = run(state_of(), prefer(1e-2))
    (winner,) = missing_batches(state)
    assert (winner.role, winner.seeds, rates_of(winner)) == ("evaluation", (0, 1, 2), [1e-2])
    assert missing_batches(run(state, prefer(1e-2))) == []


def test_a_winner_that_equals_the_default_does_not_run_twice(state_of, run):
    """Adam's default, 0.001, is on the grid: the tuned row shares the trials of the default row."""
    state = run(state_of(), prefer(1e-3))
    assert missing_batches(state) == []
    default, tuned = evaluated_settings(state)
    assert default.keys == tuned.keys
    assert (default.settings_tried, tuned.settings_tried) == (1, 9)


def test_two_entrants_with_the_same_rate_share_their_trials(state_of, run):
    """Tuned adam and adam[learning_rate=0.1] are the same trials."""
    state = state_of(optimizers=("adam", "adam[learning_rate=0.1]"), tracks=("tuned",))
    batches = missing_batches(state)
    assert [(batch.role, batch.trials) for batch in batches] == [("evaluation", 3), ("tuning", 18)]
    assert missing_batches(run(state, prefer(0.1))) == []


def test_only_missing_trials_run(state_of, run):
    """Each missing trial is planned exactly once, whichever trials have finished."""
    state = state_of(optimizers=("adam", "adam[beta1=0.5]"))
    outcomes = run(state, prefer(1e-3)).outcomes
    keys = list(outcomes)
    for stride, offset in itertools.product((2, 3, 7), (0, 1)):
        finished = {key: outcomes[key] for key in keys[offset::stride]}
        batches = missing_batches(state._replace(outcomes=finished))
        planned = [key for batch in batches for row in state.plan.keys(batch) for key in row]
        assert len(planned) == len(set(planned))
        assert set(planned) == set(outcomes) - set(finished)


def test_batches_depend_on_the_outcomes_alone(state_of, run):
    """The order in which trials finished does not change them; a new plan of the same request neither."""
    state = state_of(optimizers=("adam", "adam[beta1=0.5]"))
    outcomes = list(run(state, prefer(1e-2)).outcomes.items())[::2]
    batches = missing_batches(state._replace(outcomes=dict(outcomes)))
    assert missing_batches(state._replace(outcomes=dict(reversed(outcomes)))) == batches
    again = state_of(optimizers=("adam", "adam[beta1=0.5]"))
    assert missing_batches(again._replace(outcomes=dict(outcomes))) == batches


def test_a_fixed_learning_rate_is_not_tuned(state_of):
    """One setting, the same trials in both rows, and a note."""
    state = state_of(optimizers=("adam[learning_rate=0.1]",))
    (batch,) = missing_batches(state)
    assert (batch.role, rates_of(batch)) == ("evaluation", [0.1])
    default, tuned = evaluated_settings(state)
    assert default.keys == tuned.keys
    assert (default.notes, tuned.notes) == ((), (Note.NOTHING_TO_TUNE,))


def test_a_tuned_row_waits_for_all_of_its_tuning_trials(state_of, run):
    """There is no winner while one trial is missing."""
    state = run(state_of(), prefer(1e-2))
    (entrant,) = state.pairing.entrants
    last = state.trial_keys(entrant, entrant.at(100.0), "tuning")[-1]
    del state.outcomes[last]
    assert [row.track for row in evaluated_settings(state)] == ["default"]
    assert [keys_in(state, batch) for batch in missing_batches(state)] == [{last}]


def test_selection_uses_tuning_trials_alone(state_of, run):
    """Good evaluation trials do not influence the winner."""
    state = state_of()
    evaluation, tuning = missing_batches(state)
    state = run(state, lambda setting: (1.0, 0.0), [evaluation])
    (winner,) = missing_batches(run(state, prefer(1e-1), [tuning]))
    assert rates_of(winner) == [0.1]


@pytest.mark.parametrize(
    ("judge", "grids", "note"),
    [
        (climb, [(-6, 2), (-6, 3), (-6, 4)], Note.BEST_AT_UPPER_EDGE),
        (descend, [(-6, 2), (-7, 2), (-8, 2)], Note.BEST_AT_LOWER_EDGE),
    ],
    ids=["upper", "lower"],
)
def test_a_winner_on_the_edge_extends_the_grid_by_a_decade_twice_at_most(state_of, run, judge, grids, note):
    """Under the full preset the grid grows to 10⁴, or 10⁻⁸, in two decades of four rates each."""
    state = state_of(preset="full", tracks=("tuned",))
    for low, high in grids:
        rates = state.rates_to_try(state.pairing.entrants[0])
        assert len(rates) == 4 * (high - low) + 1
        assert (min(rates), max(rates)) == (10.0**low, 10.0**high)
        (batch,) = missing_batches(state)
        assert batch.role == "tuning"
        state = run(state, judge)
    (winner,) = missing_batches(state)
    assert winner.role == "evaluation"
    (row,) = evaluated_settings(state)
    assert row.settings_tried == 41
    assert row.notes == (GridExtended(10.0**low, 10.0**high), note)


def test_a_moved_grid_is_extended_and_refined_around_its_own_rates(state_of, run):
    """From 10⁻⁵ to 10³, as `benchmarks/artefacts.py` moves it."""
    state = state_of(preset="standard", tracks=("tuned",), refinements=2)
    plan = msgspec.structs.replace(state.plan, rates=(*learning_rates(2)[2:], grid_rate(5, 2), 1e3))
    state = run(PairingState(plan, plan.pairings()[0]), climb)
    entrant = state.pairing.entrants[0]
    assert max(state.rates_to_try(entrant)) == 1e4
    refined = run(state, climb).rates_to_try(entrant)
    assert (min(refined), max(refined)) == (1e-5, pytest.approx(10 ** (4 + 2 / 6)))


def test_a_winner_inside_the_extended_grid_has_no_note_on_the_edge(state_of, run):
    """A best rate of 562 extends the grid once, to 1000."""
    state = state_of(preset="full", tracks=("tuned",))
    for _ in range(3):
        state = run(state, lambda setting: (min(setting["learning_rate"], 562.341325190), 1.0))
    (row,) = evaluated_settings(state)
    assert row.hyperparameters["learning_rate"] < 1000
    assert row.notes == (GridExtended(1e-6, 1e3),)
    assert row.settings_tried == 37


@pytest.mark.parametrize("best", [1.0, 0.1, 1e-5])
def test_two_more_rates_run_on_either_side_of_the_best_one(state_of, run, best):
    """Thirds of the spacing, which is half a decade; the winner is the best of all, and no edge is noted."""
    plan = {"preset": "standard", "tracks": ("tuned",), "refinements": 2}
    state = state_of(**plan)
    nearly = best * 10 ** (1 / 6)

    def judge(setting):
        return 1 / (1 + abs(math.log10(setting["learning_rate"] / nearly))), 1.0

    state = run(state, judge)
    (batch,) = missing_batches(state)
    expected = [best * 10 ** (offset / 6) for offset in (-2, -1, 1, 2)]
    assert (batch.role, rates_of(batch)) == ("tuning", pytest.approx(expected, rel=1e-9))
    (winner,) = missing_batches(run(state, judge))
    assert (winner.role, rates_of(winner)) == ("evaluation", [pytest.approx(nearly, rel=1e-9)])
    (row,) = evaluated_settings(run(state, judge))
    assert (row.settings_tried, row.notes) == (21, ())


def test_a_best_rate_beyond_the_edge_is_noted(state_of, run):
    """The refinement of a winner on the edge tries rates beyond the edge, but does not extend the grid."""
    state = state_of(tracks=("tuned",), refinements=2)
    for _ in range(2):
        state = run(state, climb)
    (row,) = evaluated_settings(state)
    assert row.hyperparameters["learning_rate"] == pytest.approx(100 * 10 ** (2 / 3))
    assert row.notes == (Note.BEST_AT_UPPER_EDGE,)


def test_a_tie_is_not_refined(state_of, run):
    """If no rate reaches a target, further ones would be arbitrary."""
    state = run(state_of(tracks=("tuned",), refinements=2), lambda setting: (0.0, math.inf))
    assert len(state.rates_to_try(state.pairing.entrants[0])) == 9


def test_a_tie_of_all_rates_does_not_extend_the_grid(state_of, run):
    """If no rate reaches a target, the middle of the grid is chosen."""
    state = state_of(preset="full", tracks=("tuned",))
    (winner,) = missing_batches(run(state, lambda setting: (0.0, math.inf)))
    assert (winner.role, rates_of(winner)) == ("evaluation", [1e-2])


def test_smaller_presets_note_the_edge_and_do_not_extend_the_grid(state_of, run):
    """Under quick the best rate of 100 is evaluated, with the note."""
    state = run(state_of(tracks=("tuned",)), climb)
    (winner,) = missing_batches(state)
    assert rates_of(winner) == [100.0]
    (row,) = evaluated_settings(state)
    assert row.notes == (Note.BEST_AT_UPPER_EDGE,)


def test_each_entrant_has_its_own_winner(state_of, run):
    """Two entrants share the batch of their tuning; each winner runs in a separate batch."""
    state = state_of(optimizers=("adam", "adam[beta1=0.5]"), tracks=("tuned",))
    (tuning,) = missing_batches(state)
    assert len(tuning.settings) == 18
    state = run(state, lambda setting: prefer(1e-2 if setting["beta1"] == 0.5 else 1.0)(setting))
    winners = [setting for batch in missing_batches(state) for setting in batch.settings]
    assert [(winner["beta1"], winner["learning_rate"]) for winner in winners] == [(0.9, 1.0), (0.5, 1e-2)]


def test_entrants_with_different_static_hyperparameters_never_share_a_batch(plan_of):
    """Static hyperparameters are not tensors: nesterov=true is another pairing."""
    plan = plan_of(
        optimizers=("torch.optim:SGD[momentum=0.9]", "torch.optim:SGD[momentum=0.9, nesterov=true]")
    )
    assert [len(pairing.entrants) for pairing in plan.pairings()] == [1, 1]


def test_a_chosen_static_hyperparameter_divides_the_batches_and_not_the_pairing(state_of, run):
    """Each batch has one schedule; the best of all points wins, and a row with its schedule shares its trials."""
    optimizers = ("scheduled(adam)", "scheduled(adam, schedule=wsd)")
    state = state_of(optimizers=optimizers, tracks=("searched",), preset="full")
    free, fixed = state.pairing.entrants
    batches = missing_batches(state)
    schedules = [{setting["scheduled_schedule"] for setting in batch.settings} for batch in batches]
    assert sorted(schedules, key=str) == [{"constant"}, {"cosine"}, {"linear"}, {"wsd"}]
    keys = [key for batch in batches for key in keys_in(state, batch)]
    shared = [setting for setting in free.searched() if setting in fixed.searched()]
    assert {setting["scheduled_schedule"] for setting in shared} == {"wsd"}
    assert len(keys) == len(set(keys)) == (2 * 64 - len(shared)) * 10

    def judge(setting):
        return setting["learning_rate"] * (1e9 if setting["scheduled_schedule"] == "cosine" else 1), 1.0

    best = max(free.searched(), key=judge)
    assert best["scheduled_schedule"] == "cosine"
    state = run(state, judge, batches)
    rows = {row.entrant.label: row.hyperparameters for row in evaluated_settings(state)}
    assert rows[free.label] == best
    assert rows[fixed.label] == max(fixed.searched(), key=judge)
    state = run(state, judge)
    assert missing_batches(state) == []


@pytest.mark.parametrize(
    ("problem", "optimizer", "notes"),
    [
        ("quartic", "gd", (Note.EXACT_ORACLE,)),
        ("quartic", "sgd", ()),
        ("quadratic", "gd", ()),
        ("quartic[start=1]", "gd", (Note.EXACT_ORACLE, Note.DETERMINISTIC)),
    ],
)
def test_an_exact_gradient_under_synthetic_noise_is_noted(state_of, problem, optimizer, notes):
    """Only under synthetic noise an exact gradient has no price."""
    (row,) = evaluated_settings(state_of((problem,), (optimizer,), tracks=("default",)))
    assert row.notes == notes


def test_an_optimizer_that_reads_progress_knows_the_budget_in_every_track(state_of, run):
    """One of its evaluation trials is enough; another entrant of the same batch does not get the note."""
    reader = "adam[beta1=0.5]"
    state = state_of(optimizers=("adam", reader, "adam[learning_rate=0.1]"))
    state = run(run(state, prefer(1e-2)), prefer(1e-2))
    before = evaluated_settings(state)
    (tuned,) = (row for row in before if (row.entrant.label, row.track) == (reader, "tuned"))
    state.outcomes[tuned.keys[1]] = state.outcomes[tuned.keys[1]]._replace(reads_progress=True)
    after = evaluated_settings(state)
    assert [row.notes for row in after if row.entrant.label == reader] == [(Note.KNOWS_BUDGET,)] * 2
    assert [row for row in after if row.entrant.label != reader] == [
        row for row in before if row.entrant.label != reader
    ]
    assert missing_batches(state) == []


def test_the_note_on_the_budget_follows_other_notes(state_of, run):
    """The order is exact oracle, tuning, budget."""
    state = run(state_of(("quartic",), ("gd[learning_rate=0.01]",), tracks=("tuned",)), climb)
    for key, outcome in state.outcomes.items():
        state.outcomes[key] = outcome._replace(reads_progress=True)
    (row,) = evaluated_settings(state)
    assert row.notes == (Note.EXACT_ORACLE, Note.NOTHING_TO_TUNE, Note.KNOWS_BUDGET)


def test_the_reason_for_skipping_a_row_is_in_its_notes(state_of):
    """It follows the other notes."""
    state = state_of(("quartic",), ("gd",), tracks=("default",))
    (row,) = evaluated_settings(state)
    skipped = Outcome("skipped", 0.0, math.inf, notes=(SkippedBecause("too expensive; wait"),))
    (row,) = evaluated_settings(state._replace(outcomes=dict.fromkeys(row.keys, skipped)))
    assert row.notes == (Note.EXACT_ORACLE, SkippedBecause("too expensive; wait"))


def test_random_gradients_depend_on_their_seeds(state_of):
    """If everything else is fixed, each seed still is a trial, and the row is not called deterministic."""
    state = state_of(("quadratic[start=2]",), tracks=("default",), gradient="forward-random")
    (row,) = evaluated_settings(state)
    assert len(row.keys) == state.plan.evaluation_seeds > 1
    assert row.notes == ()


def test_a_deterministic_setting_runs_once_in_each_role(state_of, run):
    """One tuning trial a rate, one evaluation trial a row, and a note."""
    state = state_of(("quadratic[start=2]",))
    evaluation, tuning = missing_batches(state)
    assert (evaluation.seeds, evaluation.trials) == ((0,), 1)
    assert (tuning.seeds, tuning.trials) == ((0,), len(BASE_GRID))
    state = run(run(state, prefer(1e-2)), prefer(1e-2))
    assert missing_batches(state) == []
    assert planned_keys(state) == set(state.outcomes)
    assert [(len(row.keys), row.notes) for row in evaluated_settings(state)] == [
        (1, (Note.DETERMINISTIC,))
    ] * 2


@pytest.fixture
def foreign_state(state_of):
    """The state of a pairing with a third-party optimizer that declares no randomness."""
    state = state_of(("quadratic[start=2]",), seeds=4)
    entrants = tuple(msgspec.structs.replace(entrant, built_in=False) for entrant in state.pairing.entrants)
    return state._replace(pairing=msgspec.structs.replace(state.pairing, entrants=entrants))


def finish_all(state, digest_of):
    """Return the state after all missing batches, where a trial's digest is `digest_of(seed)`."""
    while batches := missing_batches(state):
        outcomes = dict(state.outcomes)
        for batch in batches:
            for seed, keys in zip(batch.seeds, state.plan.keys(batch), strict=True):
                for setting, key in zip(batch.settings, keys, strict=True):
                    outcomes[key] = Outcome("exhausted", *prefer(1e-2)(setting), digest=digest_of(seed))
        state = state._replace(outcomes=outcomes)
    return state


def test_a_third_party_setting_runs_on_two_seeds_before_it_is_called_deterministic(foreign_state):
    """Equal results on two seeds; the row then is one trial, and the other one is planned too."""
    evaluation, tuning = missing_batches(foreign_state)
    assert evaluation.seeds == tuning.seeds == (0, 1)
    assert all(Note.DETERMINISTIC not in row.notes for row in evaluated_settings(foreign_state))
    state = finish_all(foreign_state, lambda seed: 7)
    assert planned_keys(state) == set(state.outcomes)
    rows = evaluated_settings(state)
    assert [(len(row.keys), row.notes) for row in rows] == [(1, (Note.DETERMINISTIC,))] * 2


def test_all_seeds_run_if_two_of_them_differ(foreign_state):
    """No row is called deterministic, and nothing is missing in the end."""
    state = finish_all(foreign_state, lambda seed: seed)
    assert [(len(row.keys), row.notes) for row in evaluated_settings(state)] == [(4, ())] * 2
    assert planned_keys(state) == set(state.outcomes)


def test_trials_without_results_show_nothing_about_their_seed(foreign_state):
    """Two failures have no numbers that could be equal."""
    state = finish_all(foreign_state, lambda seed: None)
    assert all(Note.DETERMINISTIC not in row.notes for row in evaluated_settings(state))


def test_a_result_beside_a_failure_depends_on_the_seed(foreign_state):
    """All seeds run."""
    state = finish_all(foreign_state, lambda seed: seed or None)
    assert {len(row.keys) for row in evaluated_settings(state)} == {4}


def test_a_failed_trial_is_not_missing(state_of):
    """The runner decides whether a failed trial runs again, and leaves it out of the outcomes then."""
    state = state_of(tracks=("default",))
    keys = evaluated_settings(state)[0].keys
    failed = dict.fromkeys(keys, Outcome("failed", 0.0, math.inf))
    assert missing_batches(state._replace(outcomes=failed)) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(data=st.data())
def test_an_interruption_changes_no_batch(state_of, run, data):
    """The same trials run together in any order of the batches, and after any interruptions."""
    optimizers = ("adam", "adam[epsilon=0.001]", "adam[learning_rate=0.1]")
    planned = state_of(optimizers=optimizers, preset="full", seeds=2)
    best_rate = data.draw(st.sampled_from([1e-6, 1e-3, 1e-1, 1e2, 1e3]), label="the rate that wins")

    def judge(setting):
        decades = abs(math.log10(setting["learning_rate"] / best_rate))
        return 1 / (1 + decades + 100 * setting["epsilon"]), 1.0

    def composition(choose):
        state, finished, running = planned, [], []
        while running := running or missing_batches(state):
            is_interrupted, position = choose(len(running))
            if is_interrupted:  # the running batches are lost, and the next invocation plans anew
                running = []
                continue
            batch = running.pop(position)
            finished.append(keys_in(state, batch))
            state = run(state, judge, [batch])
        return sorted(map(sorted, finished))

    undisturbed = composition(lambda count: (False, 0))
    interruptions = iter(data.draw(st.lists(st.booleans(), max_size=6), label="interruptions"))

    def disturbed(count):
        return next(interruptions, False), data.draw(st.integers(0, count - 1), label="batch that finishes")

    assert composition(disturbed) == undisturbed


def test_many_trials_are_divided_into_equal_batches(state_of, monkeypatch):
    """Of whole settings, with at most so many trials; together they are the trials of one batch."""
    state = state_of(optimizers=("adam[learning_rate=[0.1, 0.01, 0.001]]",), tracks=("default",), seeds=7)
    (whole,) = missing_batches(state)
    assert whole.trials == 21
    monkeypatch.setattr(scheduling, "MOST_TRIALS", 10)
    batches = missing_batches(state)
    assert [batch.seeds for batch in batches] == [(0, 1, 2), (3, 4, 5), (6,)]
    assert all(batch.settings == whole.settings for batch in batches)
    assert [batch.planned_trials for batch in batches] == [whole.trials] * 3
    assert set.union(*(keys_in(state, batch) for batch in batches)) == keys_in(state, whole)


def test_the_division_does_not_depend_on_the_trials_that_have_finished(state_of, run, monkeypatch):
    """After an interruption, the same trials run together."""
    monkeypatch.setattr(scheduling, "MOST_TRIALS", 10)
    state = state_of(optimizers=("adam[learning_rate=[0.1, 0.01, 0.001]]",), tracks=("default",), seeds=7)
    first, second, third = missing_batches(state)
    assert missing_batches(run(state, climb, [second])) == [first, third]


def test_a_future_choice_is_divided_as_it_will_be(state_of, monkeypatch):
    """Its batches are those that will run, with another setting."""
    monkeypatch.setattr(scheduling, "MOST_TRIALS", 10)
    state = state_of(optimizers=("adam",), tracks=("tuned",), seeds=21)
    _, choices = waves_of(state.plan, state.pairing)
    assert [batch.seeds for batch in choices] == [tuple(range(7 * n, 7 * n + 7)) for n in range(3)]


def test_more_settings_than_trials_of_a_batch_are_divided_too(state_of, run, monkeypatch):
    """Each batch then has one seed; after an interruption, the size that decides the engine is that of all trials."""
    monkeypatch.setattr(scheduling, "MOST_TRIALS", 2)
    state = state_of(optimizers=("adam[learning_rate=[0.1, 0.01, 0.001]]",), tracks=("default",), seeds=2)
    batches = missing_batches(state)
    assert [(len(batch.settings), batch.seeds) for batch in batches] == [
        (2, (0,)), (2, (1,)), (1, (0, 1)),
    ]  # fmt: skip
    assert [batch.planned_trials for batch in batches] == [6, 6, 6]
    for finished in itertools.product([False, True], repeat=3):
        done = [batch for batch, is_done in zip(batches, finished, strict=True) if is_done]
        remaining = [batch for batch in batches if batch not in done]
        assert missing_batches(run(state, climb, done)) == remaining
