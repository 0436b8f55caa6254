"""Threads of compiled batches, by which few long batches use many cores."""

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa

from benchbed.interfaces import Engine
from benchbed.plan import BatchPlan, Plan
from benchbed.tuning.scheduling import waves_of


class _ProblemWork(NamedTuple):
    """The work on one problem: dimension × calls × trials."""

    pairings: int
    longest: int
    """Work of the batches of a pairing that run one after the other."""
    trials: int
    """Trials of the largest batch."""


def threads_by_problem(plan: Plan, jobs: int, cores: int) -> dict[str, int]:
    """Return the threads of each batch of a plan, by the label of its problem; empty if all batches run eagerly.

    A pairing cannot end before its tuning and then its evaluation have run, one after the other. If these are a share
    of the whole work, its batches have this share of the cores, but no more threads than trials. All cores are then
    busy although the pairing is long: other batches run beside it. The share is rounded up if the longest batches of
    all pairings can run at once. If memory allows fewer processes than cores, `jobs` of them share all cores.

    Threads change no result. Equal threads on a problem keep the times of its optimizers comparable, and the number
    depends on the plan alone: stored trials do not change the rows of missing ones.
    """
    if plan.engine == Engine.EAGER or plan.checkpoints == "all":
        return {}
    by_problem: dict[str, _ProblemWork] = {}
    total = 0
    for pairing in plan.pairings():
        if pairing.fault is not None:
            continue
        label, amount = pairing.problem.label, pairing.work.amount
        waves = [[batch.trials for batch in wave] for wave in waves_of(plan, pairing)]
        total += amount * sum(map(sum, waves))
        pairings, longest, trials = by_problem.get(label, (0, 0, 1))
        longest = max(longest, amount * sum(max(sizes, default=0) for sizes in waves))
        trials = max([trials, *(size for sizes in waves for size in sizes)])
        by_problem[label] = _ProblemWork(pairings + 1, longest, trials)
    threads: dict[str, int] = {}
    free = cores
    for label, work in sorted(by_problem.items(), key=lambda item: item[1].longest, reverse=True):
        rounded_down = cores * work.longest // total
        rounded_up = -(-cores * work.longest // total)
        share = rounded_up if work.pairings * rounded_up <= free else rounded_down
        threads[label] = min(work.trials, max(1, cores // jobs, share))
        free -= work.pairings * threads[label]
    return threads


class BatchThreads:
    """Threads of the batches of a study: those of their problem, but one after a batch of the pairing ran eagerly.

    The plan does not determine the engine of each batch: a compiled step may fail, and an optimizer may run one trial
    at a time.
    """

    def __init__(self, by_problem: Mapping[str, int]) -> None:
        self._by_problem = by_problem
        self._eager_trials: dict[int, int] = {}
        """Planned trials of the largest batch that ran eagerly, by the index of its pairing."""

    def of(self, pairing_index: int, batch: BatchPlan) -> int:
        """Return the threads of a planned batch."""
        is_eager = batch.planned_trials <= self._eager_trials.get(pairing_index, 0)
        return 1 if is_eager else self._by_problem.get(batch.problem.label, 1)

    def observe(self, pairing_index: int, batch: BatchPlan, rows: pa.Table) -> None:
        """Register the rows of a planned batch: if they ran eagerly, so will batches with no more trials."""
        if rows["engine"].unique().to_pylist() == [Engine.EAGER]:
            earlier = self._eager_trials.get(pairing_index, 0)
            self._eager_trials[pairing_index] = max(earlier, batch.planned_trials)
