"""Threads of compiled batches, by which few long batches use many cores."""

from typing import NamedTuple

from benchbed.plan import Plan
from benchbed.tuning.scheduling import waves_of


class _ProblemWork(NamedTuple):
    """The work on one problem: dimension × calls × trials."""

    pairings: int
    longest: int
    """Work of the batches of a pairing that run one after the other."""
    trials: int
    """Trials of the largest batch."""


def threads_by_problem(plan: Plan, jobs: int, cores: int) -> dict[str, int]:
    """Return the threads of each batch of a plan, by the label of its problem.

    A pairing cannot end before its tuning and then its evaluation have run, one after the other. If these are a share
    of the whole work, its batches have this share of the cores, but no more threads than trials. All cores are then
    busy although the pairing is long: other batches run beside it. The share is rounded up if the longest batches of
    all pairings can run at once. If memory allows fewer processes than cores, `jobs` of them share all cores.

    Threads change no result. Equal threads on a problem keep the times of its optimizers comparable, and the number
    depends on the plan alone: stored trials do not change the rows of missing ones.
    """
    by_problem: dict[str, _ProblemWork] = {}
    total = 0
    for pairing in plan.pairings():
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
