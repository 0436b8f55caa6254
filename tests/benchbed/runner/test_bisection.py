"""Bisection of a batch into parts that contain each of its trials once."""

from itertools import product

import pytest

from benchbed.interfaces import TrialStatus
from benchbed.plan import BatchPlan, ProblemPlan
from benchbed.runner.bisection import MOST_DEATHS, Search, corners_of, halves_of

PROBLEM = ProblemPlan(
    name="p", parameters={}, label="p", source="", budget=1, targets=(), success_target=1.0, dtype="float64",
    dimension=1, full_price=None, deterministic=True, has_optimum=True, workspace=1,
)  # fmt: skip


def batch_of(settings, seeds):
    return BatchPlan(
        problem=PROBLEM, optimizer="o", optimizer_source="", statics=(), oracle="deterministic", price=1.0,
        settings=tuple({"rate": position} for position in range(settings)), role="tuning", seeds=tuple(range(seeds)),
    )  # fmt: skip


def trials_of(batch):
    return [(setting["rate"], seed) for setting, seed in product(batch.settings, batch.seeds)]


@pytest.mark.parametrize(("settings", "seeds"), [(1, 2), (2, 1), (2, 2), (3, 5), (5, 3), (1, 7), (7, 1)])
def test_parts_contain_each_trial_once(settings, seeds):
    """Both the halves, and the corners with the rest, are a partition."""
    batch = batch_of(settings, seeds)
    corners, rest = corners_of(batch)
    assert [part.trials for part in corners] == [1, 1]
    for parts in (halves_of(batch), [*corners, *rest]):
        assert sorted(trial for part in parts for trial in trials_of(part)) == sorted(trials_of(batch))


def test_every_trial_of_a_batch_of_32_may_die_alone():
    """More deaths than that end the search."""
    batch = batch_of(4, 8)
    search, parts, alone = Search(batch), [batch], 0
    while parts:
        part = parts.pop(0)
        alone += part.trials == 1
        parts += search.split(part, TrialStatus.CRASHED)
    assert alone == 32
    assert sum(1 for _ in range(MOST_DEATHS) if search.split(batch, TrialStatus.CRASHED)) == 1


@pytest.mark.parametrize("first_finishes", [True, False])
def test_two_probes_decide_whether_the_rest_of_a_hanging_batch_runs(first_finishes):
    """If both time out, the rest counts as timed out without a run."""
    batch = batch_of(1, 5)
    search = Search(batch)
    assert [part.seeds for part in search.split(batch, TrialStatus.TIMED_OUT)] == [(0,), (4,)]
    waiting = batch.seeds[1:-1]
    if first_finishes:
        (part,), abandoned = search.after_part(has_finished=True)
        assert (part.seeds, abandoned) == (waiting, [])
        assert search.after_part(has_finished=False) == ([], [])
    else:
        assert search.after_part(has_finished=False) == ([], [])
        parts, (abandoned,) = search.after_part(has_finished=False)
        assert (parts, abandoned.seeds) == ([], waiting)


def test_a_batch_without_enough_memory_is_divided_until_its_parts_fit():
    """Two trials run alone first; if one of them fits, each of the others may run alone."""
    batch = batch_of(1, 32)
    search = Search(batch)
    first, last = search.split(batch, TrialStatus.OUT_OF_MEMORY)
    assert (first.seeds, last.seeds) == ((0,), (31,))
    (rest,), _ = search.after_part(has_finished=True)
    parts, alone = [rest], []
    while parts:
        part = parts.pop()
        halves = search.split(part, TrialStatus.OUT_OF_MEMORY)
        parts += halves
        alone += [] if halves else [part.seeds]
    assert sorted(alone) == [(seed,) for seed in range(1, 31)]
