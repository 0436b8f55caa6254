"""Trials and calls of a plan by their closed forms, and seconds by the timings of its batches."""

import os

import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.estimate.cost import Shape, Timing, estimate, shapes_of
from benchbed.plan import Request, make_plan
from benchbed.plan.presets import PRESETS

QUICK = PRESETS["quick"]
GRID = 9
"""Learning rates from 10⁻⁶ to 10², one a decade."""


@pytest.fixture(scope="module")
def plan_of():
    """Return a function that resolves a request of small studies."""
    catalog = load_catalog([], dict(os.environ))

    def make(problems=("quadratic",), optimizers=("adam",), tracks=("default", "tuned"), **fields):
        request = Request(
            problems=problems, optimizers=optimizers, tracks=tracks, preset="quick", device="cpu", **fields
        )
        return make_plan(catalog, request)

    return make


def trials_of(plan):
    """Return the trials of each track and of all together, for a plan of one pairing."""
    costs = estimate(plan)
    return {row.track: row.trials for row in costs.rows}, costs.together.trials


def test_each_track_tunes_and_evaluates(plan_of):
    """The default and each choice run on the evaluation seeds, the grid or the search on the tuning seeds."""
    evaluation, tuning = QUICK.evaluation_seeds, QUICK.tuning_seeds
    plan = plan_of(tracks=("default", "tuned", "searched"))
    each = {
        "default": evaluation,
        "tuned": GRID * tuning + evaluation,
        "searched": QUICK.search_points * tuning + evaluation,
    }
    assert trials_of(plan) == (each, sum(each.values()))


def test_tracks_share_the_trials_of_an_optimizer_without_tuning(plan_of):
    """Its one setting runs once for all tracks."""
    seeds = QUICK.evaluation_seeds
    plan = plan_of(optimizers=("sgd[learning_rate=0.1]",), tracks=("default", "tuned", "searched"))
    assert trials_of(plan) == ({"default": seeds, "tuned": seeds, "searched": seeds}, seeds)


def test_a_deterministic_trial_counts_once(plan_of):
    """With a fixed start and without noise, one trial replaces all seeds of its role."""
    plan = plan_of(problems=("quadratic[start=[1.0, 1.0]]",))
    assert trials_of(plan) == ({"default": 1, "tuned": GRID + 1}, GRID + 2)


def test_settings_of_one_optimizer_share_a_row(plan_of):
    """They run in one batch."""
    costs = estimate(plan_of(optimizers=("adam[beta1=[0.5, 0.9, 0.95]]",), seeds=2))
    assert {row.optimizer for row in costs.rows} == {"adam (3 settings)"}
    assert [row.trials for row in costs.rows] == [3 * 2, 3 * (GRID * QUICK.tuning_seeds + 2)]


def test_calls_are_budgets(plan_of):
    """Every trial may spend its budget."""
    costs = estimate(plan_of(problems=("quadratic", "quartic"), steps=70))
    assert [row.calls for row in costs.rows] == [70 * row.trials for row in costs.rows]
    assert costs.together.calls == 70 * costs.together.trials


def test_sums_are_those_of_the_rows(plan_of):
    """They are over all pairings, for each track."""
    plan = plan_of(problems=("quadratic", "quartic"), optimizers=("adam", "gd"))
    costs = estimate(plan)
    for track in costs.tracks:
        rows = [row for row in costs.rows if row.track == track.track]
        assert len(rows) == 4
        assert (track.trials, track.calls) == (sum(r.trials for r in rows), sum(r.calls for r in rows))


def test_a_step_beyond_the_budget_costs_nothing(plan_of):
    """A full gradient of 100 000 samples costs 781 calls, so the trials are skipped and not timed."""
    plan = plan_of(problems=("polynomial-network",), optimizers=("gd",), steps=700)
    costs = estimate(plan, {})
    assert shapes_of(plan) == []
    assert {(row.calls, row.seconds) for row in costs.rows} == {(0, 0.0)}
    assert costs.together.trials > 0


def test_seconds_are_those_of_the_batches(plan_of):
    """The batches of a pairing add up; its choice waits for the tuning trials, for any number of cores."""
    plan = plan_of(seeds=2)
    default, tuning = Shape(0, 1, 2), Shape(0, GRID, QUICK.tuning_seeds)
    assert set(shapes_of(plan)) == {default, tuning}  # the choice is evaluated as the default is
    costs = estimate(plan, {default: Timing(3.0), tuning: Timing(20.0)})
    assert [row.seconds for row in costs.rows] == [3.0, 20.0 + 3.0]
    assert costs.together.seconds == 26.0
    assert [costs.wall_seconds(jobs, jobs) for jobs in (1, 2)] == [26.0, 20.0 + 3.0]


def test_many_pairings_share_the_cores(plan_of):
    """The longest pairing then does not matter."""
    plan = plan_of(problems=("quadratic", "quartic"), tracks=("default",))
    costs = estimate(plan, dict.fromkeys(shapes_of(plan), Timing(8.0)))
    assert [costs.wall_seconds(jobs, jobs) for jobs in (1, 2, 4)] == [16.0, 8.0, 8.0]


@pytest.mark.parametrize(("threads", "seconds"), [(1, 32.0 / 2), (2, 16.0 / 2), (4, 8.0)])
def test_few_processes_bound_the_time(plan_of, threads, seconds):
    """If memory allows two processes on four cores, two batches run at a time, on the cores of their threads."""
    plan = plan_of(problems=("quadratic", "quartic"), optimizers=("adam", "gd"), tracks=("default",), seeds=4)
    timings = dict.fromkeys(shapes_of(plan), Timing(8.0, is_threaded=True))
    costs = estimate(plan, timings, {"quadratic": threads, "quartic": threads})
    assert costs.wall_seconds(4, 2) == seconds


def test_the_memory_is_that_of_the_largest_batch(plan_of):
    """None where no batch was measured."""
    plan = plan_of(seeds=2)
    default, tuning = Shape(0, 1, 2), Shape(0, GRID, QUICK.tuning_seeds)
    timings = {default: Timing(3.0, peak_bytes=3e8), tuning: Timing(20.0, peak_bytes=4e8)}
    assert estimate(plan, timings).peak_bytes == 4e8
    assert estimate(plan, {default: Timing(3.0)}).peak_bytes is None
    assert estimate(plan).peak_bytes is None


def test_a_compiled_batch_uses_idle_cores(plan_of):
    """Two threads halve the waiting time, but not the cost."""
    plan = plan_of(seeds=2)
    default, tuning = Shape(0, 1, 2), Shape(0, GRID, QUICK.tuning_seeds)
    costs = estimate(plan, {default: Timing(3.0), tuning: Timing(20.0, is_threaded=True)}, {"quadratic": 2})
    assert costs.together.seconds == 26.0
    assert [costs.wall_seconds(jobs, jobs) for jobs in (1, 2, 4)] == [26.0, 20.0 / 2 + 3.0, 20.0 / 2 + 3.0]


def test_a_single_trial_runs_in_one_thread(plan_of):
    """Each thread runs at least one trial."""
    plan = plan_of(tracks=("default",), seeds=1)
    costs = estimate(plan, {Shape(0, 1, 1): Timing(8.0, is_threaded=True)}, {"quadratic": 4})
    assert costs.wall_seconds(4, 4) == 8.0


def test_a_pairing_that_could_not_be_timed_has_no_seconds(plan_of):
    """Other pairings have theirs."""
    plan = plan_of(problems=("quadratic", "quartic"), tracks=("default",))
    costs = estimate(plan, {shape: Timing(8.0) for shape in shapes_of(plan) if shape.pairing == 0})
    assert [row.seconds for row in costs.rows] == [8.0, None]
    assert costs.together.seconds == 8.0
