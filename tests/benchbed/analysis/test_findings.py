"""The sentences say what the frames say, and no more."""

import re

import numpy as np
import pandas as pd
import pytest

from benchbed.analysis.aggregate import overall_scores
from benchbed.analysis.findings import endings, findings
from benchbed.analysis.pairwise_tables import comparisons_of
from benchbed.interfaces import Note, TrialStatus

CHECKPOINTS = np.arange(1, 201)


def found(scores, notes=(), missing=()):
    """Give the sentences, by problem, of a study with one track and `{(problem, optimizer): [scores]}`.

    Every trial reaches its only target at the calls that its score stands for, of 200.
    """
    remarks, outcomes, summary = dict(notes), [], []
    for (problem, name), values in scores.items():
        note = remarks.get((problem, name), remarks.get(name, ()))
        limits = (min(values), max(values)) if len(values) > 1 else (np.nan, np.nan)
        summary.append(
            (problem, name, "default", np.mean(values), *limits, int(name in missing), note, len(values))
        )
        outcomes += [
            (problem, name, "default", seed, value, [200.0 ** (1 - value)])
            for seed, value in enumerate(values)
        ]
    names = ["problem", "optimizer", "track"]
    summary = pd.DataFrame(
        summary, columns=[*names, "score", "score_low", "score_high", "skipped", "notes", "trials"]
    )
    outcomes = pd.DataFrame(outcomes, columns=[*names, "seed", "score", "calls_to_target"])
    checkpoints = dict.fromkeys(summary["problem"], CHECKPOINTS)
    pairs, groups = comparisons_of(summary, outcomes, checkpoints)
    sentences = findings(summary, overall_scores(summary, outcomes), pairs, groups)
    return {finding.problem: finding.sentence for finding in sentences}


def wave(seed):
    return np.random.default_rng(seed).normal(0, 0.01, 20)


def test_a_clear_leader_leads_alone():
    """With its score and interval, and the weakest evidence among those behind it."""
    scores = {("a", "x"): 0.8 + wave(0), ("a", "y"): 0.5 + wave(1), ("a", "z"): 0.3 + wave(2)}
    sentence = found(scores)["a"]
    assert sentence.startswith("a, default track: x leads alone, with a score of 0.79")
    assert sentence.endswith("behind, and told apart: 2 others (largest adjusted p < 0.001, y).")


def test_what_is_not_told_apart_is_not_called_equal():
    """Those with the highest score are named, with theirs, and the caution stands beside."""
    scores = {("a", "x"): 0.8 + wave(0), ("a", "y"): 0.795 + wave(1), ("a", "z"): 0.3 + wave(2)}
    sentence = found(scores)["a"]
    assert "x has the highest score" in sentence
    assert "not told apart from it, which does not prove them equal: y (0.7" in sentence
    assert "behind, and told apart: z (adjusted p < 0.001)" in sentence


def test_the_evidence_is_the_adjusted_p_of_the_comparison():
    """The one number of the sentence that is neither a score nor a limit."""
    scores = {("a", "x"): 0.5 + 4 * wave(0), ("a", "y"): 0.47 + 4 * wave(1)}
    summary = pd.DataFrame([("a", "x", "default", 0.5, 0, ()), ("a", "y", "default", 0.47, 0, ())])
    summary.columns = ["problem", "optimizer", "track", "score", "skipped", "notes"]
    outcomes = pd.DataFrame(
        [
            ("a", name, "default", seed, value)
            for (_, name), own in scores.items()
            for seed, value in enumerate(own)
        ],
        columns=["problem", "optimizer", "track", "seed", "score"],
    )
    pairs, _ = comparisons_of(summary, outcomes, {"a": CHECKPOINTS})
    (p,) = pairs["adjusted_p"]
    assert 0.001 < p < 0.05
    assert f"(adjusted p = {p:.2g})" in found(scores)["a"]


def test_equal_scores_lead_together():
    """Two rules that are the same one on this problem."""
    scores = {("a", "x"): 0.8 + wave(0), ("a", "y"): 0.8 + wave(0), ("a", "z"): 0.3 + wave(2)}
    assert "x and y lead together, with the same score of 0.79" in found(scores)["a"]


def test_nobody_told_apart_is_said():
    """All of them are in the first group; the strongest evidence against that is named."""
    scores = {("a", name): 0.5 + wave(seed) for seed, name in enumerate("xyz")}
    assert re.search(
        r"; nobody is told apart from it \(smallest adjusted p = [0-9.]+, [yxz]\)\.$", found(scores)["a"]
    )


@pytest.mark.parametrize("values", [[0.5], [0.7]])
def test_one_seed_tells_nothing(values):
    """However large the difference."""
    sentence = found({("a", "x"): [0.1], ("a", "y"): values})["a"]
    assert sentence == (
        f"a, default track: nothing can be told from a single seed (highest: y, {values[0]:.3f})."
    )


def test_one_entrant_tells_nothing():
    """Nor one that is left after the others were not compared."""
    assert "nothing can be told, for only x is compared (0." in found({("a", "x"): 0.5 + wave(0)})["a"]
    scores = {("a", "x"): 0.5 + wave(0), ("a", "gd"): 0.9 + wave(0)}
    sentence = found(scores, notes={"gd": (Note.EXACT_ORACLE,)})["a"]
    assert "only x is compared" in sentence
    assert sentence.endswith("not compared: gd (exact oracle).")


def test_the_exact_oracle_never_leads():
    """Its reason stands at the end, over all problems as well."""
    scores = {
        (problem, name): 0.5 + wave(seed) for problem in "ab" for seed, name in enumerate(("x", "y", "gd"))
    }
    scores["a", "gd"] = 0.99 + wave(5) / 10
    sentences = found(scores, notes={("a", "gd"): (Note.EXACT_ORACLE,)})
    assert sentences["a"].endswith("not compared: gd (exact oracle).")
    assert sentences[""].endswith("not compared: gd (exact oracle on some problem).")
    assert "gd" not in sentences[""].partition("not compared")[0]
    assert "not compared" not in sentences["b"]


def test_the_mean_over_problems_comes_first_and_only_where_there_are_several():
    """One problem has no mean over all."""
    one = {("a", name): 0.5 + wave(seed) for seed, name in enumerate("xy")}
    assert list(found(one)) == ["a"]
    both = one | {("b", name): values for (_, name), values in one.items()}
    assert list(found(both)) == ["", "a", "b"]
    assert found(both)[""].startswith("default track, mean over 2 problems: ")


def test_nothing_reached_is_no_lead():
    """Of scores that are all 0 none is the highest."""
    sentence = found({("a", name): np.zeros(20) for name in "xy"})["a"]
    assert "nobody leads, for nobody has reached a target" in sentence


def test_without_scores_nothing_is_told():
    """No optimum, no score."""
    sentence = found({("a", name): np.full(20, np.nan) for name in "xy"})["a"]
    assert sentence == "a, default track: nothing can be told; not compared: x and y (no score)."


def test_the_skipped_are_named_with_their_reason():
    """They could not pay for a step."""
    scores = {("a", "x"): 0.5 + wave(0), ("a", "y"): 0.3 + wave(1), ("a", "z"): np.zeros(20)}
    assert found(scores, missing=("z",))["a"].endswith("not compared: z (skipped).")


def test_fewer_seeds_are_a_reason():
    """An unfinished row has no pairs."""
    scores = {("a", "x"): 0.5 + wave(0), ("a", "y"): 0.3 + wave(1), ("a", "z"): np.full(7, 0.9)}
    assert found(scores)["a"].endswith("not compared: z (other seeds than the rest).")


def test_cautions_of_the_leader_are_passed_on():
    """An indicative interval, and a best rate at the edge of what was tried."""
    scores = {("a", "x"): 0.8 + wave(0), ("a", "y"): 0.3 + wave(1)}
    notes = {"x": (Note.BEST_AT_UPPER_EDGE, Note.INDICATIVE_INTERVAL)}
    sentence = found(scores, notes=notes)["a"]
    assert "], indicative, its best rate at the upper edge of the grid; behind" in sentence


def test_deterministic_rows_are_compared_without_a_p_value():
    """The sentence says on what ground."""
    scores = {("a", "x"): [0.8], ("a", "y"): [0.3]}
    sentence = found(scores, notes={"x": (Note.DETERMINISTIC,), "y": (Note.DETERMINISTIC,)})["a"]
    assert sentence == (
        "a, default track: x leads alone, with a score of 0.800; "
        "behind, and told apart: y, compared directly, for nothing in them is random."
    )


def test_many_names_are_counted():
    """A sentence is no list."""
    scores = {("a", f"o{number}"): 0.5 + wave(number) / 5 for number in range(9)}
    assert "and 5 more; nobody is told apart from it" in found(scores)["a"]


def test_the_limit_is_never_reached_by_rounding():
    """0.0496 is below 0.05, and must not be printed as if it were not."""
    from benchbed.analysis.findings import _probability

    assert [_probability(p) for p in (0.0501, 1.0)] == [">= 0.05", "= 1"]
    assert [_probability(p) for p in (0.0499, 0.04, 0.0012, 0.0009)] == [
        "< 0.05",
        "= 0.04",
        "= 0.0012",
        "< 0.001",
    ]


def test_endings_are_counted_over_all_rows():
    """Nothing disappears."""
    counts = dict.fromkeys(TrialStatus, 0) | {"trials": [20, 20], "solved": [15, 0], "timed_out": [5, 20]}
    summary = pd.DataFrame({str(column): values for column, values in counts.items()})
    assert endings(summary) == "40 evaluation trials in 2 rows: 25 timed out, 15 solved."
    assert endings(summary[:0]) == "0 evaluation trials in 0 rows."
