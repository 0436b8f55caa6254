"""What must run next, and which trials a row of the table consists of."""

import itertools
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchbed.interfaces import GridExtended, Note, SkippedBecause
from benchbed.tuning.candidates import rates_to_try, tuning_keys
from benchbed.tuning.outcomes import Outcome
from benchbed.tuning.scheduling import missing_batches, placements, planned_keys

BASE_GRID = [10.0**k for k in range(-6, 3)]


def rates_of(batch):
    return [setting["learning_rate"] for setting in batch.settings]


def flat(batch):
    return {key for keys in batch for key in keys}


def prefer(best):
    """Judge settings by how near their rate is to `best`, in steps of the grid."""
    return lambda setting: (
        1 / (1 + abs(BASE_GRID.index(setting["learning_rate"]) - BASE_GRID.index(best))),
        1.0,
    )


@pytest.fixture
def pairing_of():
    """Give the first pairing of a plan."""
    return lambda plan: plan.pairings()[0]


def test_the_fixed_settings_and_the_grid_come_first(plan_of, pairing_of):
    """With nothing known, the default runs on the evaluation seeds and the grid on the tuning seeds."""
    plan = plan_of()
    evaluation, tuning = missing_batches(plan, pairing_of(plan), {})
    assert (evaluation.role, evaluation.seeds, rates_of(evaluation)) == ("evaluation", (0, 1, 2), [1e-3])
    assert (tuning.role, tuning.seeds, rates_of(tuning)) == ("tuning", (0, 1), BASE_GRID)


def test_the_choice_is_evaluated_once_its_tuning_is_known(plan_of, pairing_of, finish):
    """The winner, 10⁻², runs on the evaluation seeds; then nothing is missing."""
    plan = plan_of()
    pairing = pairing_of(plan)
    known = finish(plan, missing_batches(plan, pairing, {}), prefer(1e-2))
    (choice,) = missing_batches(plan, pairing, known)
    assert (choice.role, choice.seeds, rates_of(choice)) == ("evaluation", (0, 1, 2), [1e-2])
    known |= finish(plan, [choice], prefer(1e-2))
    assert missing_batches(plan, pairing, known) == []


def test_a_choice_that_is_the_default_is_not_run_twice(plan_of, pairing_of, finish):
    """Adam's default, 0.001, lies on the grid: the tuned row shares the trials of the default row."""
    plan = plan_of()
    pairing = pairing_of(plan)
    known = finish(plan, missing_batches(plan, pairing, {}), prefer(1e-3))
    assert missing_batches(plan, pairing, known) == []
    default, tuned = placements(plan, pairing, known)
    assert default.keys == tuned.keys
    assert (default.settings_tried, tuned.settings_tried) == (1, 9)


def test_two_entrants_that_choose_the_same_rate_share_their_trials(plan_of, pairing_of, finish):
    """Tuned adam and adam[learning_rate=0.1] are the same trials."""
    plan = plan_of(optimizers=("adam", "adam[learning_rate=0.1]"), tracks=("tuned",))
    pairing = pairing_of(plan)
    first = missing_batches(plan, pairing, {})
    assert [(batch.role, batch.trials) for batch in first] == [("evaluation", 3), ("tuning", 18)]
    known = finish(plan, first, prefer(0.1))
    assert missing_batches(plan, pairing, known) == []


def test_only_what_is_missing_runs(plan_of, pairing_of, finish):
    """Trials that are known, in whatever pattern, are left out: each lacking trial is planned exactly once."""
    plan = plan_of(optimizers=("adam", "adam[beta1=0.5]"))
    pairing = pairing_of(plan)
    everything = finish(plan, missing_batches(plan, pairing, {}), prefer(1e-3))
    keys = list(everything)
    for stride, offset in itertools.product((2, 3, 7), (0, 1)):
        known = {key: everything[key] for key in keys[offset::stride]}
        planned = [
            key for batch in missing_batches(plan, pairing, known) for row in plan.keys(batch) for key in row
        ]
        assert len(planned) == len(set(planned))
        assert set(planned) == set(everything) - set(known)


def test_asking_again_gives_the_same_batches(plan_of, pairing_of, finish):
    """The composition depends on what is known alone, not on the order in which it came to be known."""
    plan = plan_of(optimizers=("adam", "adam[beta1=0.5]"))
    pairing = pairing_of(plan)
    everything = finish(plan, missing_batches(plan, pairing, {}), prefer(1e-2))
    known = {key: everything[key] for key in list(everything)[::2]}
    backwards = dict(reversed(known.items()))
    assert missing_batches(plan, pairing, known) == missing_batches(plan, pairing, backwards)
    assert missing_batches(
        plan_of(optimizers=("adam", "adam[beta1=0.5]")), pairing, known
    ) == missing_batches(plan, pairing, known)


def test_what_has_no_learning_rate_of_its_own_is_not_tuned(plan_of, pairing_of, finish):
    """A fixed rate leaves nothing to tune: one setting, both rows the same trials, and a note."""
    plan = plan_of(optimizers=("adam[learning_rate=0.1]",))
    pairing = pairing_of(plan)
    (only,) = missing_batches(plan, pairing, {})
    assert (only.role, rates_of(only)) == ("evaluation", [0.1])
    default, tuned = placements(plan, pairing, {})
    assert default.keys == tuned.keys
    assert (default.notes, tuned.notes) == ((), (Note.NOTHING_TO_TUNE,))


def test_a_tuned_row_waits_for_all_of_its_tuning_trials(plan_of, pairing_of, finish):
    """With one trial unknown there is no choice yet."""
    plan = plan_of()
    pairing = pairing_of(plan)
    known = finish(plan, missing_batches(plan, pairing, {}), prefer(1e-2))
    last = tuning_keys(plan, pairing, pairing.entrants[0], 100.0)[-1]
    del known[last]
    assert [row.track for row in placements(plan, pairing, known)] == ["default"]
    assert [flat(plan.keys(batch)) for batch in missing_batches(plan, pairing, known)] == [{last}]


def test_selection_looks_at_tuning_trials_alone(plan_of, pairing_of, finish):
    """Evaluation trials, however good, do not influence the choice."""
    plan = plan_of()
    pairing = pairing_of(plan)
    evaluation, tuning = missing_batches(plan, pairing, {})
    known = finish(plan, [evaluation], lambda setting: (1.0, 0.0)) | finish(plan, [tuning], prefer(1e-1))
    (choice,) = missing_batches(plan, pairing, known)
    assert rates_of(choice) == [0.1]


def climb(setting):
    """The larger the rate the better."""
    return setting["learning_rate"], 1.0


def descend(setting):
    """The smaller the rate the better."""
    return 1 / setting["learning_rate"], 1.0


@pytest.mark.parametrize(
    ("judge", "grids", "note"),
    [
        (climb, [(-6, 2), (-6, 3), (-6, 4)], Note.BEST_AT_UPPER_EDGE),
        (descend, [(-6, 2), (-7, 2), (-8, 2)], Note.BEST_AT_LOWER_EDGE),
    ],
    ids=["upper", "lower"],
)
def test_a_winner_on_the_edge_extends_the_grid_by_a_decade_twice_at_most(
    plan_of, pairing_of, finish, judge, grids, note
):
    """Under the full preset the grid grows to 10⁴, or 10⁻⁸, in two decades of four rates, and then ends."""
    plan = plan_of(preset="full", tracks=("tuned",))
    pairing = pairing_of(plan)
    known = {}
    for low, high in grids:
        rates = rates_to_try(plan, pairing, pairing.entrants[0], known)
        assert len(rates) == 4 * (high - low) + 1
        assert (min(rates), max(rates)) == (10.0**low, 10.0**high)
        (batch,) = missing_batches(plan, pairing, known)
        assert batch.role == "tuning"
        known |= finish(plan, [batch], judge)
    (choice,) = missing_batches(plan, pairing, known)
    assert choice.role == "evaluation"
    (row,) = placements(plan, pairing, known)
    assert row.settings_tried == 41
    low, high = grids[-1]
    assert row.notes == (GridExtended(pytest.approx(10.0**low), pytest.approx(10.0**high)), note)


def test_a_winner_inside_the_extended_grid_is_noted_as_such(plan_of, pairing_of, finish):
    """A best rate of 1000 extends the grid once; then it is no longer at the edge."""
    plan = plan_of(preset="full", tracks=("tuned",))
    pairing = pairing_of(plan)
    known = {}
    for _ in range(3):
        batches = missing_batches(plan, pairing, known)
        known |= finish(plan, batches, lambda setting: (min(setting["learning_rate"], 562.341325190), 1.0))
    (row,) = placements(plan, pairing, known)
    assert row.hyperparameters["learning_rate"] < 1000
    assert row.notes == (GridExtended(1e-6, 1e3),)
    assert row.settings_tried == 37


def test_a_tie_everywhere_extends_nothing(plan_of, pairing_of, finish):
    """If no rate reaches anything, the middle of the grid is chosen and the grid stays."""
    plan = plan_of(preset="full", tracks=("tuned",))
    pairing = pairing_of(plan)
    known = finish(plan, missing_batches(plan, pairing, {}), lambda setting: (0.0, float("inf")))
    (choice,) = missing_batches(plan, pairing, known)
    assert (choice.role, rates_of(choice)) == ("evaluation", [1e-2])


def test_smaller_presets_note_the_edge_and_extend_nothing(plan_of, pairing_of, finish):
    """Under quick the best rate of 100 is evaluated, with the note."""
    plan = plan_of(tracks=("tuned",))
    pairing = pairing_of(plan)
    known = finish(plan, missing_batches(plan, pairing, {}), climb)
    (choice,) = missing_batches(plan, pairing, known)
    assert rates_of(choice) == [100.0]
    (row,) = placements(plan, pairing, known)
    assert row.notes == (Note.BEST_AT_UPPER_EDGE,)


def test_each_entrant_chooses_for_itself(plan_of, pairing_of, finish):
    """Two entrants share the batch of their tuning, and each runs its own winner in a batch of its own."""
    plan = plan_of(optimizers=("adam", "adam[beta1=0.5]"), tracks=("tuned",))
    pairing = pairing_of(plan)
    (tuning,) = missing_batches(plan, pairing, {})
    assert len(tuning.settings) == 18
    known = finish(plan, [tuning], lambda setting: prefer(1e-2 if setting["beta1"] == 0.5 else 1.0)(setting))
    choices = [setting for batch in missing_batches(plan, pairing, known) for setting in batch.settings]
    assert [(s["beta1"], s["learning_rate"]) for s in choices] == [(0.9, 1.0), (0.5, 1e-2)]


def test_entrants_with_other_statics_never_share_a_batch(plan_of):
    """Static hyperparameters are no tensors: nesterov=true is another pairing."""
    plan = plan_of(
        optimizers=("torch.optim:SGD[momentum=0.9]", "torch.optim:SGD[momentum=0.9, nesterov=true]")
    )
    assert [len(pairing.entrants) for pairing in plan.pairings()] == [1, 1]


@pytest.mark.parametrize(
    ("problem", "optimizer", "notes"),
    [
        ("quartic", "gd", (Note.EXACT_ORACLE,)),
        ("quartic", "sgd", ()),
        ("quadratic", "gd", ()),
        ("quartic[start=1]", "gd", (Note.EXACT_ORACLE, Note.DETERMINISTIC)),
    ],
)
def test_an_exact_gradient_under_synthetic_noise_is_marked(plan_of, pairing_of, problem, optimizer, notes):
    """Only there a gradient has no price."""
    plan = plan_of((problem,), (optimizer,), tracks=("default",))
    (row,) = placements(plan, pairing_of(plan), {})
    assert row.notes == notes


def test_an_optimizer_that_reads_progress_knows_the_budget_in_every_track(plan_of, pairing_of, finish):
    """Seen in any of its evaluation trials; another entrant of the same batch that reads none has no such note."""
    plan = plan_of(optimizers=("adam", "adam[beta1=0.5]", "adam[learning_rate=0.1]"))
    pairing = pairing_of(plan)
    known = finish(plan, missing_batches(plan, pairing, {}), prefer(1e-2))
    known |= finish(plan, missing_batches(plan, pairing, known), prefer(1e-2))
    before = placements(plan, pairing, known)
    (reader,) = (row for row in before if (row.entrant.label, row.track) == ("adam[beta1=0.5]", "tuned"))
    known[reader.keys[1]] = known[reader.keys[1]]._replace(reads_progress=True)
    after = placements(plan, pairing, known)
    assert [row.notes for row in after if row.entrant.label == "adam[beta1=0.5]"] == [
        (Note.KNOWS_BUDGET,)
    ] * 2
    others = [row for row in after if row.entrant.label != "adam[beta1=0.5]"]
    assert others == [row for row in before if row.entrant.label != "adam[beta1=0.5]"]
    assert missing_batches(plan, pairing, known) == []


def test_knowing_the_budget_stands_beside_other_notes(plan_of, pairing_of, finish):
    """Exact oracle first, then what tuning has to say, then this."""
    plan = plan_of(("quartic",), ("gd[learning_rate=0.01]",), tracks=("tuned",))
    pairing = pairing_of(plan)
    known = finish(plan, missing_batches(plan, pairing, {}), lambda setting: (0.5, 1.0))
    known = {key: outcome._replace(reads_progress=True) for key, outcome in known.items()}
    (row,) = placements(plan, pairing, known)
    assert row.notes == (Note.EXACT_ORACLE, Note.NOTHING_TO_TUNE, Note.KNOWS_BUDGET)


def test_why_a_row_was_skipped_stands_in_its_notes(plan_of, pairing_of):
    """Beside what else there is to say of it."""
    plan = plan_of(("quartic",), ("gd",), tracks=("default",))
    pairing = pairing_of(plan)
    (row,) = placements(plan, pairing, {})
    known = {key: Outcome("skipped", 0.0, math.inf, skipped_because="too dear; wait") for key in row.keys}
    (row,) = placements(plan, pairing, known)
    assert row.notes == (Note.EXACT_ORACLE, SkippedBecause("too dear; wait"))


def test_random_gradients_depend_on_their_seeds(plan_of, pairing_of):
    """Where all else is fixed: no trial stands for another, and no row is called deterministic."""
    plan = plan_of(("quadratic[start=2]",), tracks=("default",), gradient="forward-random")
    (row,) = placements(plan, pairing_of(plan), {})
    assert len(row.keys) == plan.evaluation_seeds > 1
    assert row.notes == ()


def test_what_depends_on_no_seed_runs_once_in_each_role(plan_of, pairing_of, finish):
    """One tuning trial a rate, one evaluation trial a row; the rows say that nothing in them is random."""
    plan = plan_of(("quadratic[start=2]",))
    pairing = pairing_of(plan)
    evaluation, tuning = missing_batches(plan, pairing, {})
    assert (evaluation.seeds, evaluation.trials) == ((0,), 1)
    assert (tuning.seeds, tuning.trials) == ((0,), len(BASE_GRID))
    known = finish(plan, [evaluation, tuning], prefer(1e-2))
    (choice,) = missing_batches(plan, pairing, known)
    known |= finish(plan, [choice], prefer(1e-2))
    assert missing_batches(plan, pairing, known) == []
    assert planned_keys(plan, pairing, known) == set(known)
    rows = placements(plan, pairing, known)
    assert [(len(row.keys), row.notes) for row in rows] == [(1, (Note.DETERMINISTIC,))] * 2


def test_a_failed_trial_is_known(plan_of, pairing_of, finish):
    """Whether a failed trial runs again is for the runner to say; to the tracks it is a trial with an ending."""
    plan = plan_of(tracks=("default",))
    pairing = pairing_of(plan)
    known = {key: Outcome("failed", 0.0, float("inf")) for key in placements(plan, pairing, {})[0].keys}
    assert missing_batches(plan, pairing, known) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(data=st.data())
def test_an_interruption_changes_no_batch(plan_of, pairing_of, finish, data):
    """In whatever order batches end, and whenever the driver dies, the same trials run together: so bits repeat."""
    plan = plan_of(
        optimizers=("adam", "adam[epsilon=0.001]", "adam[learning_rate=0.1]"), preset="full", seeds=2
    )
    pairing = pairing_of(plan)
    best = data.draw(st.sampled_from([1e-6, 1e-3, 1e-1, 1e2, 1e3]), label="the rate that wins")

    def judge(setting):
        return 1 / (1 + abs(math.log10(setting["learning_rate"] / best)) + 100 * setting["epsilon"]), 1.0

    def compositions(choose):
        known, ran, flying = {}, [], []
        while flying := flying or missing_batches(plan, pairing, known):
            dies, position = choose(len(flying))
            if dies:  # what was flying is lost, and the next driver plans anew
                flying = []
                continue
            landed = flying.pop(position)
            ran.append(flat(plan.keys(landed)))
            known |= finish(plan, [landed], judge)
        return sorted(map(sorted, ran))

    undisturbed = compositions(lambda count: (False, 0))
    deaths = iter(data.draw(st.lists(st.booleans(), max_size=6), label="deaths"))

    def disturbed(count):
        return next(deaths, False), data.draw(st.integers(0, count - 1), label="who lands")

    assert compositions(disturbed) == undisturbed
