"""Comparison of two studies of one plan: of two commits, machines, options or seeds."""

from typing import NamedTuple

import numpy as np

from benchbed.analysis.aggregate import comparable_values, deterministic_rows, mean_shift, seeds_by_row
from benchbed.analysis.intervals import DRAWS, RESAMPLING, TIE, bootstrap_limits
from benchbed.analysis.paired_tests import Selection, noticeable_difference, paired_t_test
from benchbed.analysis.pairwise_tests import SIGNIFICANT, holm
from benchbed.analysis.strata import IndependentSample, Sampling, samples_of, samplings_of
from benchbed.errors import NothingSelectedError, UsageError
from benchbed.interfaces import ALL_PROBLEMS
from benchbed.plan import Plan
from benchbed.study import Study
from benchbed.study.plan_differences import revisions_of


class Change(NamedTuple):
    """Change of the score of one summary row between two studies, over the same seeds or two samples of seeds."""

    problem: str
    """A problem, or `ALL_PROBLEMS`."""
    optimizer: str
    track: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    """95 % limits of the difference, paired by seed if the study seeds are equal; NaN with one trial."""
    p_value: float
    adjusted_p: float
    """Adjusted by Holm's method over all rows that have a p value."""
    noticeable: float
    """Smallest difference significant in 80 % of repetitions, at 0.05 over the number of rows; NaN if all are equal."""
    is_exact: bool
    """Whether the row is deterministic in both studies: it is not sampled, so its difference has no limits."""


def compare_studies(first: Study, second: Study, unpaired: bool = False) -> list[Change]:
    """Return the changes of all rows that both studies have, and of their means over problems.

    Problems that differ in their code are left out: their scores would be those of two problems. With `unpaired` the
    study seeds may differ; the seeds of the two studies are then independent samples.

    Raises: UsageError if budgets, targets, dtypes, presets, numbers of seeds, tolerances or, without `unpaired`, study
    seeds differ, so that scores are not comparable; NothingSelectedError if the studies do not share a row.
    """
    _check_plans(first.plan, second.plan, unpaired)
    revised = {
        revision.name for revision in revisions_of(first.plan, second.plan) if revision.kind == "problem"
    }
    labels = [
        problem.label
        for problem in first.plan.problems
        if problem.label in second.results_without_curves.problems and problem.name not in revised
    ]
    tracks = [track for track in first.plan.tracks if track in second.plan.tracks]
    rows = [
        row
        for track in tracks
        for problems in [*([label] for label in labels), *([labels] if len(labels) > 1 else [])]
        for row in _changes(first, second, track, problems)
    ]
    if not rows:
        raise NothingSelectedError(
            "the two studies do not share a row with a score; compare studies of the same problems, in the same version"
        )
    p_values = np.array([np.nan if change.is_exact else change.p_value for change, _, _ in rows])
    level = SIGNIFICANT / max(1, int(np.isfinite(p_values).sum()))
    return [
        change._replace(
            adjusted_p=float(adjusted), noticeable=float(noticeable_difference(samples, level, selection)[0])
        )
        for (change, samples, selection), adjusted in zip(rows, holm(p_values), strict=True)
    ]


def selection_of_change(
    before: np.ndarray, after: np.ndarray, tuning_seeds: int, is_paired: bool
) -> Selection:
    """Return the selection of the difference of two scores with these shifts: `[DRAWS]`, or `[1]` without a choice."""
    before, after = (np.broadcast_to(shift, DRAWS) for shift in (before, after))
    if not is_paired:
        # All shifts come from the same resamples and signs, which are independent in another order.
        before = np.random.default_rng(RESAMPLING).permutation(before)
    difference = after - before
    return Selection(np.where(np.abs(difference) < TIE, 0.0, difference)[np.newaxis], tuning_seeds)


def _changes(
    first: Study, second: Study, track: str, problems: list[str]
) -> list[tuple[Change, list[IndependentSample], Selection]]:
    """Return the changes of the rows of a table, without what depends on other rows, and their samples and choices."""
    results = [study.results_without_curves for study in (first, second)]
    scores_before, scores_after = (
        comparable_values(result.summary, result.outcomes, track, problems) for result in results
    )
    deterministic = [deterministic_rows(result.summary) for result in results]
    seeds_before, seeds_after = (
        seeds_by_row(result.outcomes[result.outcomes["track"] == track]) for result in results
    )
    samplings = samplings_of(first.plan)
    tuning_seeds = min(
        plan.tuning_seeds_of(problem)
        for plan in (first.plan, second.plan)
        for problem in plan.problems
        if problem.label in problems
    )
    is_paired = first.plan.study_seed == second.plan.study_seed
    laws = [samplings[problem] for problem in problems]
    changes = []
    for optimizer in scores_before:
        rows = {(problem, optimizer, track) for problem in problems}
        # A study that was interrupted may lack seeds; the single trial of a deterministic row represents all of them.
        if optimizer not in scores_after or any(
            seeds_before[row] != seeds_after[row] for row in rows.difference(*deterministic)
        ):
            continue
        before, after = scores_before[optimizer], scores_after[optimizer]
        samples = _samples_of_change(before, after, laws, is_paired)
        shifts = [mean_shift(result.shifts, problems, optimizer, track) for result in results]
        selection = selection_of_change(shifts[0], shifts[1], tuning_seeds, is_paired)
        low, high = bootstrap_limits(samples, selection.shifts)
        change = Change(
            problem=problems[0] if len(problems) == 1 else ALL_PROBLEMS,
            optimizer=optimizer,
            track=track,
            before=_mean(before),
            after=_mean(after),
            difference=float(sum(weight * values.mean() for values, weight in samples)),
            low=float(low[0]),
            high=float(high[0]),
            p_value=float(paired_t_test(samples, selection)[0]),
            adjusted_p=np.nan,
            noticeable=np.nan,
            is_exact=all(labels >= rows for labels in deterministic),
        )
        changes.append((change, samples, selection))
    return changes


def _samples_of_change(
    before: list[np.ndarray], after: list[np.ndarray], laws: list[Sampling], is_paired: bool
) -> list[IndependentSample]:
    """Return the samples of which the weighted sum of means is the change of the mean over problems."""
    if is_paired:
        differences = [
            np.where(np.abs(difference) < TIE, 0.0, difference)[np.newaxis]
            for difference in map(np.subtract, after, before)
        ]
        return samples_of(differences, laws)
    return [  # twice the values at half the weights: the weights of a mean sum to 1
        IndependentSample(2 * sign * values[np.newaxis], weight / 2)
        for sign, scores in ((1, after), (-1, before))
        for values, weight in samples_of(scores, laws)
    ]


def _mean(scores: list[np.ndarray]) -> float:
    return float(np.mean([problem_scores.mean() for problem_scores in scores]))


def _check_plans(first: Plan, second: Plan, unpaired: bool) -> None:
    """Check that the scores of two plans are comparable. Raises: UsageError if they are not."""
    values: dict[str, tuple[object, object]] = {
        name.replace("_", " "): (getattr(first, name), getattr(second, name))
        for name in ("protocol", "preset", "study_seed", "tolerance")
        if name != "study_seed" or not unpaired
    }
    values["number of evaluation seeds"] = first.evaluation_seeds, second.evaluation_seeds
    values["choice of checkpoints"] = first.checkpoints, second.checkpoints
    second_problems = {problem.label: problem for problem in second.problems}
    for problem in first.problems:
        if problem.label in second_problems:
            for name, noun in (("budget", "budget"), ("targets", "list of targets"), ("dtype", "dtype")):
                pair = getattr(problem, name), getattr(second_problems[problem.label], name)
                values[f"{noun} of {problem.label}"] = pair
    for description, pair in values.items():
        if pair[0] != pair[1]:
            before, after = ("not given" if value is None else value for value in pair)
            raise UsageError(
                f"the {description} is {before} in the first study and {after} in the second, so that their scores "
                "are not comparable; run both with the same options"
                + (", or pass --unpaired" if description == "study seed" else "")
            )
