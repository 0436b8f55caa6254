"""Captions below the plots: how to read each one, with the numbers of the study."""

import numpy as np
import pandas as pd

from benchbed.analysis.pairwise_tests import SIGNIFICANT
from benchbed.formatting import count, plural
from benchbed.interfaces import ProblemFacts, Results
from benchbed.plotting.style import wrap_label

EXACT_MARK = "†"
"""Marks optimizers that used the exact oracle."""
_EXACT = f"{EXACT_MARK}: used the exact oracle, so not compared."


def under_loss(
    results: Results, problem: str, has_losses: bool, has_exact: bool, has_small_panels: bool
) -> str:
    """Explain gaps, or objectives, against calls."""
    facts, seeds = results.problems[problem], _most_seeds(results, [problem])
    value = "gap" if facts.has_optimum else "objective"
    sentences = [f"Line: median {value} over {_seeds(seeds)}. Band: lower to upper quartile."]
    if seeds == 1:
        sentences = [f"Line: {value} on one evaluation seed."]
    if has_small_panels:
        sentences.append("Small panels: one optimizer each, the lines of the others in grey.")
    sentences += [
        "Lower is better, further left is faster.",
        f"Every trial has a budget of {count(facts.budget)} calls; a trial that ends earlier keeps its last value.",
        _success(facts),
        "×: from here on more than half of the seeds have diverged or failed." if has_losses else "",
        _EXACT if has_exact else "",
    ]
    return join_sentences(*sentences)


def under_metrics(results: Results, problem: str, has_exact: bool) -> str:
    """Explain metrics against calls."""
    facts = results.problems[problem]
    return join_sentences(
        f"Line: median over {_seeds(_most_seeds(results, [problem]))}, without trials that diverged or failed.",
        f"Every trial has a budget of {count(facts.budget)} calls; a trial that ends earlier keeps its last value.",
        _success(facts) if facts.target_metric else "",
        _EXACT if has_exact else "",
    )


def under_ecdf(results: Results, problems: list[str], absent: int, has_exact: bool) -> str:
    """Explain the share of targets reached; `absent` optimizers have no curve in the mean over several problems."""
    targets, seeds = len(results.problems[problems[0]].targets), _seeds(_most_seeds(results, problems))
    sentences = [f"Share of {targets} targets on {seeds} that were reached within this many calls."]
    article, score, planned = "a", "score", set(results.outcomes["problem"])
    if len(problems) > 1:
        is_overall = planned == set(problems)
        with_scores = "" if all(results.problems[name].is_scored for name in planned) else " with scores"
        sentences = [
            f"Share of targets reached, mean over {len(problems)} problems{with_scores}, {seeds} each."
        ]
        article, score = ("an", "overall score") if is_overall else ("a", "mean score on these problems")
    sentences += [
        f"Higher is better, further left is faster. The area under a curve is the {score} of the optimizer.",
        "The share is of all targets, including those that no optimizer reaches.",
        f"Not drawn, because without {article} {score}: {plural(absent, 'optimizer')}." if absent else "",
        _EXACT if has_exact else "",
    ]
    return join_sentences(*sentences)


def describe_scored(problems: list[str], total: int) -> str:
    """Describe the problems with scores among `total` problems."""
    return f"all {total} problems" if len(problems) == total else f"the {len(problems)} problems with scores"


def under_paths(seed: int, has_minimizer: bool, has_losses: bool, has_exact: bool) -> str:
    """Explain paths over contours."""
    return join_sentences(
        f"Path of every optimizer on evaluation seed {seed}, over contours of the objective.",
        "Axes: θ₀ to the right, θ₁ upwards.",
        "The paths of the others are grey. Circle: start.",
        "Star: minimizer." if has_minimizer else "",
        "Small marks are checkpoints, not steps; the large mark is the end.",
        "×: a trial that diverged or failed leaves the frame or ends here." if has_losses else "",
        _EXACT if has_exact else "",
        "One seed is an example, not evidence.",
    )


def under_learning_rate(results: Results, problem: str, measures: pd.DataFrame, has_losses: bool) -> str:
    """Explain the final gap, or objective, against the learning rate, and the robustness in the legend.

    `measures` are the secondary metrics of the problem.
    """
    decades, diverged = measures["robustness_decades"], measures["share_diverged"]
    facts, tuning = results.problems[problem], results.tuning
    seeds = int(tuning["seed"][tuning["problem"] == problem].nunique())
    value = "gap" if facts.has_optimum else "objective"
    return join_sentences(
        f"Median final {value} over {seeds} tuning seeds for each learning rate that was tried."
        if seeds > 1
        else f"Final {value} on one tuning seed for each learning rate that was tried.",
        "Optimizers at one rate are drawn side by side." if tuning["optimizer"].nunique() > 1 else "",
        "Lower is better; a wide valley means that the choice of the rate matters little.",
        "Marks in the grey strip: more than half of the seeds diverged or failed." if has_losses else "",
        _success(facts),
        "No learning rate reaches it in the median." if (decades == 0).all() and len(decades) else "",
        "Within 2×: rates with at most twice the median calls to success of the best rate."
        if (decades > 0).any()
        else "",
        "Diverge: share of the tuning trials on the grid that all optimizers have in common."
        if diverged.notna().any()
        else "",
    )


def under_best_of_k(results: Results, problem: str, settings: int) -> str:
    """Explain the expected score of the best of k out of `settings` settings."""
    seeds = _seeds(_most_seeds(results, [problem]))
    return join_sentences(
        f"Expected score of the best of k settings, drawn from the {settings} that were tried.",
        "Each is scored on tuning seeds that were not used to choose it.",
        "A curve that is high on the left belongs to an optimizer that is easy to tune.",
        f"Ring: score of the setting chosen from all {settings}, on {seeds}.",
    )


def under_problem_sweep(results: Results, problems: list[str], parameter: str) -> str:
    """Explain scores and calls to success against a parameter of problems."""
    is_batch_size = parameter == "batch_size"
    return join_sentences(
        f"Mean score, and median calls to success, over {_seeds(_most_seeds(results, problems))};",
        f"{len(problems)} problems that differ in {parameter} alone. Vertical lines: 95 % intervals.",
        "Samples are calls times the batch size." if is_batch_size else "",
        "Calls that halve where the batch doubles, at equal samples, show that the noise is the limit."
        if is_batch_size
        else "",
        "Without a mark: fewer than half of the seeds succeeded; without a line: the interval has no end.",
        _success(results.problems[problems[0]]),
    )


def under_wins(results: Results, problems: int, pairs: pd.DataFrame) -> str:
    """Explain win shares over so many problems."""
    seeds = _seeds(_most_seeds(results, list(results.problems)))
    limit = f"p < {SIGNIFICANT:g}".replace(" ", "\N{NO-BREAK SPACE}")
    test = f"paired t test, Holm-adjusted {limit}"
    if pairs["is_exact"].astype(bool).any():
        test += "; trials without randomness are compared directly"
    average = f", averaged over {problems} problems" if problems > 1 else ""
    return join_sentences(
        f"Upper number and color: share of {seeds} on which the row scores higher than the column{average};",
        "a tie counts half.",
        "Lower number: mean score of the row minus mean score of the column;",
        f"*: significantly different from 0 ({test}).",
        "The two can disagree: many small wins do not outweigh a few large losses.",
    )


def under_heatmap(results: Results, problems: list[str], has_losses: bool, has_exact: bool) -> str:
    """Explain the scores of the whole study."""
    return join_sentences(
        f"Mean score over {_seeds(_most_seeds(results, problems))}, from 0 to 1; higher is better.",
        "Color: score relative to the highest compared score of the problem, over all tracks.",
        "Bold: highest score of its problem and track, and all not significantly different from it.",
        "×n: n trials diverged or failed." if has_losses else "",
        "–: no score.",
        _EXACT if has_exact else "",
    )


def under_profile(results: Results, cases: int, absent: int) -> str:
    """Explain a performance profile over so many cases, each a problem with a seed; `absent` have no curve."""
    facts = sorted(results.problems.values(), key=lambda facts: -facts.success_target)
    success = " or ".join(dict.fromkeys(of_problem.success for of_problem in facts))
    return join_sentences(
        f"Share of {cases} cases, each a problem with a seed, in which an optimizer succeeded ({success})",
        "with at most τ times the calls of the fastest optimizer.",
        "Left end: how often an optimizer was the fastest. Right end: how often it succeeded.",
        "Unlike scores, these curves depend on which optimizers take part: one more can change or reverse them.",
        f"Not drawn, because not compared: {plural(absent, 'optimizer')}." if absent else "",
    )


def under_critical_difference(results: Results, problems: list[int], absent: int) -> str:
    """Explain mean ranks over so many problems, several numbers if tracks differ; `absent` optimizers have no rank."""
    seeds = _seeds(_most_seeds(results, list(results.problems)))
    return join_sentences(
        f"Mean rank over {' or '.join(map(str, problems))} problems, by the mean score over {seeds};",
        "1 is the best, and ties share their mean rank.",
        "Bars connect optimizers that are not significantly different:",
        "their ranks differ by less than the critical difference CD",
        f"(Nemenyi's test at {SIGNIFICANT:g}; one bar connects all if Friedman's p is not below that).",
        "Unlike scores, ranks depend on which optimizers take part: one more can change or reverse them.",
        f"Not ranked, because not compared: {plural(absent, 'optimizer')}." if absent else "",
    )


def has_exact(trials: pd.DataFrame) -> bool:
    """Return whether any of these trials used the exact oracle."""
    return bool((trials["oracle"] == "exact").any())


def optimizer_label(optimizer: str, trials: pd.DataFrame, width: int = 34) -> str:
    """Return the name of an optimizer for a legend or title, marked if any of its trials used the exact oracle."""
    is_exact = has_exact(trials[trials["optimizer"] == optimizer])
    return wrap_label(f"{optimizer} {EXACT_MARK}" if is_exact else optimizer, width)


def join_sentences(*sentences: str) -> str:
    """Join the sentences of a caption that are not empty."""
    return " ".join(sentence for sentence in sentences if sentence)


def _success(facts: ProblemFacts) -> str:
    return f"Success: {facts.success}." if facts.is_scored else ""


def _most_seeds(results: Results, problems: list[str]) -> int:
    """Count the evaluation seeds of a row; a row that depends on no seed has a single trial."""
    trials = results.outcomes[results.outcomes["problem"].isin(problems)]
    sizes = trials.groupby(["problem", "optimizer", "track"], sort=False).size()
    return int(np.max(sizes.to_numpy(), initial=0))


def _seeds(number: int) -> str:
    return "one evaluation seed" if number == 1 else f"{number} evaluation seeds"
