"""Say under each figure what it shows and how to read it, with the study's own numbers."""

import numpy as np
import pandas as pd

from benchbed.analysis.pairwise_tests import SIGNIFICANT
from benchbed.formatting import short
from benchbed.interfaces.results import ProblemFacts, Results
from benchbed.reports.ranking import EXACT_MARK

_EXACT = f"; {EXACT_MARK} saw the exact oracle and is not compared"


def under_loss(results: Results, problem: str, has_losses: bool, has_exact: bool) -> str:
    """Explain gaps, or objectives, against calls."""
    facts, seeds = results.problems[problem], _most_seeds(results, [problem])
    value = "gap" if facts.has_optimum else "objective"
    shown = (
        f"The {value} on one evaluation seed"
        if seeds == 1
        else f"A line is the median {value} over {seeds} evaluation seeds, its band reaches from their lower to "
        "their upper quartile"
    )
    lost = (
        "; where a line ends at ×, more than half of its seeds had diverged or failed" if has_losses else ""
    )
    return (
        f"{shown}, up to the budget of {_count(facts.budget)} calls: lower is better, further left is faster"
        f"{_success(facts)}{lost}{_EXACT if has_exact else ''}."
    )


def under_ecdf(results: Results, problems: list[str], absent: int, has_exact: bool) -> str:
    """Explain the share of targets reached; `absent` optimizers have no curve in the mean over several problems."""
    targets, seeds = len(results.problems[problems[0]].targets), _seeds(_most_seeds(results, problems))
    what, score, missing = f"of {targets} targets on each of {seeds}", "score", ""
    if len(problems) > 1:
        what = f"of targets, on average over {len(problems)} problems with {seeds} each,"
        score = "overall score"
        missing = f"; without one, so not drawn: {_optimizers(absent)}" if absent else ""
    return (
        f"The share {what} that was reached within so many calls: higher is better, further left is faster, and the "
        f"area under a curve is the optimizer's {score}; what is never reached still counts in the denominator"
        f"{missing}{_EXACT if has_exact else ''}."
    )


def under_paths(seed: int, has_losses: bool, has_exact: bool) -> str:
    """Explain paths over contours."""
    lost = "; × marks where one that diverged or failed leaves the frame, or ends" if has_losses else ""
    return (
        f"The path of every optimizer on evaluation seed {seed}, from the start over the contours of the objective: "
        "small marks are checkpoints, not steps, and the large one is the end"
        f"{lost}{_EXACT if has_exact else ''}; one seed is an example, not evidence."
    )


def under_learning_rate(results: Results, problem: str) -> str:
    """Explain the final gap, or objective, against the learning rate."""
    facts, tuning = results.problems[problem], results.tuning
    seeds = int(tuning["seed"][tuning["problem"] == problem].nunique())
    value = "gap" if facts.has_optimum else "objective"
    shown = (
        f"median final {value} over {seeds} tuning seeds"
        if seeds > 1
        else f"final {value} on one tuning seed"
    )
    return (
        f"The {shown} for each learning rate that was tried: lower is better, a wide valley forgives a wrong rate, "
        f"and a mark in the grey strip has lost more than half of its seeds{_success(facts)}."
    )


def under_best_of_k(results: Results, problem: str, most: int) -> str:
    """Explain the expected best of k settings; a search tried `most` of them."""
    seeds = _seeds(_most_seeds(results, [problem]))
    return (
        f"The score to expect from the best of k settings, drawn from the {most} that were tried and judged by tuning "
        "seeds that had no part in choosing it: a curve that is high on the left belongs to an optimizer that is easy "
        f"to tune; a ring is the setting chosen from all {most}, on {seeds}."
    )


def under_wins(results: Results, problems: int, pairs: pd.DataFrame) -> str:
    """Explain win shares over so many problems."""
    seeds = _seeds(_most_seeds(results, list(results.problems)))
    over = f", averaged over {problems} problems" if problems > 1 else ""
    limit = f"p < {SIGNIFICANT:g}".replace(" ", "\N{NO-BREAK SPACE}")
    exact = "; where nothing is random, compared directly" if pairs["is_exact"].astype(bool).any() else ""
    return (
        f"The share of {seeds} on which the optimizer of the row scored higher than that of the column, ties half"
        f"{over}: blue wins more often than it loses, red loses more often; bold is told apart by the mean difference "
        f"of the scores (paired t test, Holm's adjusted {limit}{exact}), which weighs how much was won, not how often."
    )


def under_heatmap(results: Results, problems: list[str], has_losses: bool, has_exact: bool) -> str:
    """Explain the scores of the whole study."""
    seeds = _seeds(_most_seeds(results, problems))
    lost = "; ×n: n trials diverged or failed" if has_losses else ""
    return (
        f"The mean score over {seeds}, from 0 to 1, which is the higher the earlier targets were reached: darker is "
        "better; bold is the highest of its column and track, and what is not told apart from it"
        f"{lost}; –: no score{_EXACT if has_exact else ''}."
    )


def under_profile(results: Results, cases: int, absent: int) -> str:
    """Explain a performance profile over so many cases, each a problem with a seed; `absent` have no curve."""
    targets = sorted({facts.success_target for facts in results.problems.values()}, reverse=True)
    missing = f"; not compared, so not drawn: {_optimizers(absent)}" if absent else ""
    return (
        f"The share of {cases} cases, each a problem with a seed, in which success (gap ≤ "
        f"{' or '.join(short(target) for target in targets)}) took at most τ times the calls of whoever was fastest "
        "in that case: the left end says how often an optimizer was the fastest, the right end how often it succeeded; "
        f"one entrant more or less changes these curves, and may reverse them, unlike the scores{missing}."
    )


def under_critical_difference(results: Results, problems: list[int], absent: int) -> str:
    """Explain mean ranks over so many problems, several numbers if tracks differ; `absent` optimizers have no rank."""
    seeds = _seeds(_most_seeds(results, list(results.problems)))
    missing = f"; not compared, so not ranked: {_optimizers(absent)}" if absent else ""
    return (
        f"The mean rank over {' or '.join(map(str, problems))} problems of the mean score over {seeds}, 1 being the "
        "best and ties sharing theirs: a bar joins optimizers that are not told apart, which lie less than the "
        f"critical difference CD from each other (Nemenyi's test at {SIGNIFICANT:g}; all are joined where Friedman's p "
        "is not below that); one entrant more or less can change everybody's rank, and reverse two of them, unlike the "
        "scores"
        f"{missing}."
    )


def has_exact(trials: pd.DataFrame) -> bool:
    """Say whether any of these trials saw the exact oracle."""
    return bool((trials["oracle"] == "exact").any())


def _success(facts: ProblemFacts) -> str:
    return f"; at or below {short(facts.success_target)} it is a success" if facts.has_optimum else ""


def _most_seeds(results: Results, problems: list[str]) -> int:
    """Count the evaluation seeds of a row; one that depends on no seed has a single trial beside others' many."""
    trials = results.outcomes[results.outcomes["problem"].isin(problems)]
    sizes = trials.groupby(["problem", "optimizer", "track"], sort=False).size()
    return int(np.max(sizes.to_numpy(), initial=0))


def _seeds(number: int) -> str:
    return "one evaluation seed" if number == 1 else f"{number} evaluation seeds"


def _optimizers(number: int) -> str:
    return "one optimizer" if number == 1 else f"{number} optimizers"


def _count(number: float) -> str:
    return f"{number:,.0f}".replace(",", "\N{THIN SPACE}")
