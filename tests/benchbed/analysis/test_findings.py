"""The sentences agree with the frames."""

import re

import numpy as np
import pandas as pd
import pytest

from benchbed.analysis.aggregate import overall_scores
from benchbed.analysis.findings import endings, findings, format_p
from benchbed.analysis.pairwise_tables import ComparedProblem, ComparedStudy, comparisons_of, influence_of
from benchbed.analysis.strata import Sampling
from benchbed.interfaces import ALL_PROBLEMS, Note, ProblemFacts, Results, TrialStatus

CHECKPOINTS = np.arange(1, 201)
EXACT_ORACLE, DETERMINISTIC = (Note.EXACT_ORACLE,), (Note.DETERMINISTIC,)


def sentences_of(scores, notes=(), skipped=(), objectives=()):
    """Return the sentences, by problem, of a study with one track and `{(problem, optimizer): [scores]}`.

    Notes are given by optimizer or by row. Every trial reaches its only target at the calls, of 200, that give its
    score.
    """
    notes, outcomes, summary = dict(notes), [], []
    for (problem, name), values in scores.items():
        of_row = notes.get((problem, name), notes.get(name, ()))
        limits = (min(values), max(values)) if len(values) > 1 else (np.nan, np.nan)
        summary.append(
            (problem, name, "tuned", np.mean(values), *limits, int(name in skipped), of_row, len(values))
        )
        outcomes += [
            (problem, name, "tuned", seed, value, [200.0 ** (1 - value)]) for seed, value in enumerate(values)
        ]
    names = ["problem", "optimizer", "track"]
    summary = pd.DataFrame(
        summary, columns=[*names, "score", "score_low", "score_high", "skipped", "notes", "trials"]
    ).assign(objective=0.0)
    outcomes = pd.DataFrame(outcomes, columns=[*names, "seed", "score", "calls_to_target"])
    outcomes["objective"] = list(objectives) or np.inf
    study = compared(summary, outcomes)
    pairs, tiers = comparisons_of(study)
    unused = dict.fromkeys(Results._fields)
    results = Results(**unused)._replace(
        summary=summary,
        problems={name: ProblemFacts(200, (0.1,), 0.1, 1, "float64", True) for name in study.problems},
        overall=overall_scores(summary, outcomes),
        comparisons=pairs,
        groups=tiers,
        influence=influence_of(study),
    )
    return {finding.problem: finding.sentence for finding in findings(results)}


def compared(summary, outcomes):
    problems = {name: ComparedProblem(CHECKPOINTS, Sampling(name)) for name in summary["problem"]}
    return ComparedStudy(summary, outcomes, problems)


def noise(seed):
    return np.random.default_rng(seed).normal(0, 0.01, 20)


def test_the_highest_score_comes_first():
    """Then the significantly lower ones, with the weakest evidence among them."""
    scores = {("a", "x"): 0.8 + noise(0), ("a", "y"): 0.5 + noise(1), ("a", "z"): 0.3 + noise(2)}
    sentence = sentences_of(scores)["a"]
    assert sentence.startswith("a, tuned track: x has the highest score, 0.79")
    assert sentence.endswith("; significantly lower: y and z (largest adjusted p < 0.001, y).")


def test_scores_that_do_not_differ_significantly_are_not_called_equal():
    """Such scores are listed, with a caution."""
    scores = {("a", "x"): 0.8 + noise(0), ("a", "y"): 0.795 + noise(1), ("a", "z"): 0.3 + noise(2)}
    sentence = sentences_of(scores)["a"]
    assert "x has the highest score" in sentence
    assert "; not significantly different, which does not prove equality: y (0.7" in sentence
    assert "; significantly lower: z (adjusted p < 0.001)" in sentence


def test_the_evidence_is_the_adjusted_p_of_the_comparison():
    """It is the only number of the sentence that is neither a score nor a limit."""
    scores = {("a", "x"): 0.5 + 4 * noise(0), ("a", "y"): 0.47 + 4 * noise(1)}
    summary = pd.DataFrame([("a", "x", "tuned", 0.5, 0, ()), ("a", "y", "tuned", 0.47, 0, ())])
    summary.columns = ["problem", "optimizer", "track", "score", "skipped", "notes"]
    outcomes = pd.DataFrame(
        [
            ("a", name, "tuned", seed, value)
            for (_, name), values in scores.items()
            for seed, value in enumerate(values)
        ],
        columns=["problem", "optimizer", "track", "seed", "score"],
    )
    pairs, _ = comparisons_of(compared(summary, outcomes))
    (p,) = pairs["adjusted_p"]
    assert 0.001 < p < 0.05
    assert f"(adjusted p = {p:.2g})" in sentences_of(scores)["a"]


def test_equal_scores_are_named_together():
    """Two optimizers may be the same on a problem."""
    scores = {("a", "x"): 0.8 + noise(0), ("a", "y"): 0.8 + noise(0), ("a", "z"): 0.3 + noise(2)}
    assert "x and y have the highest score, 0.79" in sentences_of(scores)["a"]


def test_without_a_significant_difference_the_strongest_evidence_is_named():
    """All optimizers are in the first group."""
    scores = {("a", name): 0.5 + noise(seed) for seed, name in enumerate("xyz")}
    assert re.search(
        r"equality: . \(0.\d+\) and . \(0.\d+\), smallest adjusted p = [0-9.]+ \([xyz]\)\.$",
        sentences_of(scores)["a"],
    )


@pytest.mark.parametrize("score", [0.5, 0.7])
def test_one_seed_shows_no_difference(score):
    """However large it is."""
    sentence = sentences_of({("a", "x"): [0.1], ("a", "y"): [score]})["a"]
    assert sentence == (
        f"a, tuned track: a single seed cannot show a difference (highest score: y, {score:.3f})."
    )


def test_a_single_optimizer_is_not_compared():
    """Neither is one that is left after the others were excluded."""
    assert "there is nothing to compare x with (score 0." in sentences_of({("a", "x"): 0.5 + noise(0)})["a"]
    scores = {("a", "x"): 0.5 + noise(0), ("a", "gd"): 0.9 + noise(0)}
    sentence = sentences_of(scores, notes={"gd": EXACT_ORACLE})["a"]
    assert "there is nothing to compare x with" in sentence
    assert sentence.endswith("; not compared: gd (exact oracle).")


def test_the_exact_oracle_is_not_compared():
    """The reason is at the end, over all problems as well."""
    scores = {
        (problem, name): 0.5 + noise(seed) for problem in "ab" for seed, name in enumerate(("x", "y", "gd"))
    }
    scores["a", "gd"] = 0.99 + noise(5) / 10
    sentences = sentences_of(scores, notes={("a", "gd"): EXACT_ORACLE})
    assert sentences["a"].endswith("not compared: gd (exact oracle).")
    assert sentences[ALL_PROBLEMS].endswith("not compared: gd (exact oracle on some problem).")
    assert "gd" not in sentences[ALL_PROBLEMS].partition("not compared")[0]
    assert "not compared" not in sentences["b"]


def test_the_mean_over_problems_comes_first_if_there_are_several():
    """One problem has no mean over all."""
    one = {("a", name): 0.5 + noise(seed) for seed, name in enumerate("xy")}
    assert list(sentences_of(one)) == ["a"]
    both = one | {("b", name): values for (_, name), values in one.items()}
    assert list(sentences_of(both)) == [ALL_PROBLEMS, "a", "b"]
    assert sentences_of(both)[ALL_PROBLEMS].startswith("tuned track, mean over 2 problems: ")


@pytest.mark.parametrize(
    ("spread", "seeds", "is_named"), [(0.01, 20, True), (1.0, 20, False), (0.01, 1, False)]
)
def test_a_lead_is_that_of_a_problem_only_if_it_is_significant(spread, seeds, is_named):
    """x leads by problem a alone. If no optimizer leads significantly, only the share of the variance is stated."""
    means = {"a": {"x": 0.9, "y": 0.5}, "b": {"x": 0.3, "y": 0.35}, "c": {"x": 0.3, "y": 0.35}}
    generator = np.random.default_rng(0)
    scores = {
        (problem, name): mean + spread * ((noise := generator.uniform(-1, 1, seeds)) - noise.mean())
        for problem, of_problem in means.items()
        for name, mean in of_problem.items()
    }
    sentence = sentences_of(scores)[ALL_PROBLEMS]
    # cov(s_a / 3, mean) / var(mean) = (0.4 / 3) / (0.3 / 3) is above 1: b and c rank x and y the other way round.
    assert "; a carries all of the variance among optimizers, and the other problems reduce it" in sentence
    assert ("the lead of x is that of a: without it y has the highest score" in sentence) == is_named


def test_a_problem_carries_a_share_of_the_variance():
    """The shares of two problems with the same order are those of the differences: 0.3 and 0.1."""
    means = {("a", "x"): 0.8, ("a", "y"): 0.5, ("b", "x"): 0.4, ("b", "y"): 0.3}
    sentence = sentences_of({key: np.full(5, mean) + noise(0)[:5] for key, mean in means.items()})[
        ALL_PROBLEMS
    ]
    assert "; a carries 75% of the variance among optimizers;" in sentence


def test_scores_of_0_are_not_the_highest():
    """No optimizer leads if none reaches a target."""
    sentence = sentences_of({("a", name): np.zeros(20) for name in "xy"})["a"]
    assert sentence == "a, tuned track: no optimizer reached a target within the budget."


def test_without_scores_and_objectives_there_is_nothing_to_compare():
    """As where trials of all optimizers diverged on a problem without a known optimum."""
    sentence = sentences_of({("a", name): np.full(20, np.nan) for name in "xy"})["a"]
    assert sentence == "a, tuned track: there is nothing to compare; not compared: x and y (no score)."


def test_without_scores_final_objectives_are_compared():
    """The lowest mean is named, then what does not differ significantly from it, and what is significantly higher."""
    scores = {("a", name): np.full(20, np.nan) for name in "xyzw"}
    objectives = np.concatenate([5 + noise(0), 5.001 + noise(1), 9 + noise(2), np.full(20, np.inf)])
    assert sentences_of(scores, objectives=objectives)["a"] == (
        "a, tuned track: x has the lowest mean of the final objective; there is no score; not significantly "
        "different, which does not prove equality: y; significantly higher: z (largest adjusted p < 0.001); not "
        "compared: w (some trial has no final objective)."
    )
    others_diverged = np.concatenate([5 + noise(0), np.full(60, np.inf)])
    assert sentences_of(scores, objectives=others_diverged)["a"] == (
        "a, tuned track: there is nothing to compare x with (no score); not compared: y, z and w (some trial has no "
        "final objective)."
    )
    single = {("a", name): [np.nan] for name in "xy"}
    assert sentences_of(single, objectives=[2.0, 3.0])["a"] == (
        "a, tuned track: a single seed cannot show a difference (lowest final objective: x)."
    )


def test_skipped_optimizers_are_named_with_the_reason():
    """Their first step was beyond the budget."""
    scores = {("a", "x"): 0.5 + noise(0), ("a", "y"): 0.3 + noise(1), ("a", "z"): np.zeros(20)}
    assert sentences_of(scores, skipped=("z",))["a"].endswith("not compared: z (skipped).")


def test_optimizers_with_fewer_seeds_are_named_with_the_reason():
    """An unfinished row has no pairs."""
    scores = {("a", "x"): 0.5 + noise(0), ("a", "y"): 0.3 + noise(1), ("a", "z"): np.full(7, 0.9)}
    assert sentences_of(scores)["a"].endswith("not compared: z (different seeds).")


def test_cautions_about_the_highest_score_are_stated():
    """An indicative interval, and a best rate at the edge of the grid."""
    scores = {("a", "x"): 0.8 + noise(0), ("a", "y"): 0.3 + noise(1)}
    sentence = sentences_of(scores, notes={"x": (Note.BEST_AT_UPPER_EDGE, Note.INDICATIVE_INTERVAL)})["a"]
    assert (
        "] (indicative interval), with its best learning rate at the upper edge of the grid; significantly"
        in sentence
    )


def test_deterministic_rows_are_compared_without_a_p_value():
    """The sentence states why."""
    scores = {("a", "x"): [0.8], ("a", "y"): [0.3]}
    sentence = sentences_of(scores, notes={"x": DETERMINISTIC, "y": DETERMINISTIC})["a"]
    assert sentence == (
        "a, tuned track: x has the highest score, 0.800; "
        "lower, compared without a test since nothing in them is random: y."
    )


def test_many_names_are_counted():
    """A sentence names three optimizers and the number of the others."""
    scores = {("a", f"o{number}"): 0.5 + noise(number) / 5 for number in range(9)}
    assert " and 5 more, smallest adjusted p" in sentences_of(scores)["a"]


def test_rounding_never_moves_a_p_value_to_the_significance_level():
    """0.0496 is below 0.05, and must be printed as such."""
    assert [format_p(p) for p in (0.0501, 1.0)] == [">= 0.05", "= 1"]
    assert [format_p(p) for p in (0.0499, 0.04, 0.0012, 0.0009)] == [
        "< 0.05",
        "= 0.04",
        "= 0.0012",
        "< 0.001",
    ]


def test_endings_are_counted_over_all_rows():
    """Statuses without trials are left out."""
    counts = dict.fromkeys(TrialStatus, 0) | {"trials": [20, 20], "solved": [15, 0], "timed_out": [5, 20]}
    summary = pd.DataFrame({str(column): values for column, values in counts.items()})
    assert endings(summary) == "40 evaluation trials in 2 rows: 25 timed out, 15 solved."
    assert endings(summary[:0]) == "0 evaluation trials in 0 rows."
