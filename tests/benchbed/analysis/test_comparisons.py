"""Which rows of a study are compared, and how they are grouped."""

import numpy as np
import pandas as pd

from benchbed.analysis.comparisons import OVERALL, comparisons_of

SUMMARY = ["problem", "optimizer", "track", "score", "skipped", "notes"]
OUTCOMES = ["problem", "optimizer", "track", "seed", "score"]


def study(scores, notes=(), track="default"):
    """Make the frames of a study from `{(problem, optimizer): [scores]}`."""
    remarks = dict(notes)
    summary = [
        (problem, name, track, np.mean(values), 0, remarks.get(name, ""))
        for (problem, name), values in scores.items()
    ]
    outcomes = [
        (problem, name, track, seed, value)
        for (problem, name), values in scores.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(summary, columns=SUMMARY), pd.DataFrame(outcomes, columns=OUTCOMES)


def group_of(groups, problem):
    rows = groups[groups["problem"] == problem]
    return dict(zip(rows["optimizer"], rows["group"], strict=True))


def test_clear_differences_make_groups():
    """Two rules alike to noise lead together; one far behind follows."""
    noise = np.random.default_rng(0).normal(0, 0.01, (3, 20))
    scores = {("a", "x"): 0.8 + noise[0], ("a", "y"): 0.8 + noise[1], ("a", "z"): 0.3 + noise[2]}
    pairs, groups = comparisons_of(*study(scores))
    assert group_of(groups, "a") == {"x": 1, "y": 1, "z": 2}
    assert len(pairs) == 3
    assert set(groups["problem"]) == {"a"}, "a single problem needs no mean over all"


def test_the_mean_over_problems_is_a_table_too():
    """What is apart on each of two problems is apart over both."""
    better, worse = np.linspace(0.5, 0.6, 20), np.linspace(0.1, 0.2, 20)
    scores = {(problem, name): values for problem in "ab" for name, values in (("x", better), ("y", worse))}
    _, groups = comparisons_of(*study(scores))
    assert group_of(groups, OVERALL) == {"x": 1, "y": 2}


def test_the_exact_oracle_is_not_compared():
    """It bears none of the noise that the others do."""
    scores = {("a", name): np.linspace(0, 1, 20) for name in "xyz"}
    pairs, groups = comparisons_of(*study(scores, notes={"z": "exact oracle"}))
    assert group_of(groups, "a") == {"x": 1, "y": 1}
    assert len(pairs) == 1


def test_an_entrant_without_all_seeds_is_not_compared():
    """Pairs need the same seeds on both sides."""
    scores = {
        ("a", "x"): np.linspace(0, 1, 20),
        ("a", "y"): np.linspace(0, 1, 20),
        ("a", "z"): np.linspace(0, 1, 7),
    }
    _, groups = comparisons_of(*study(scores))
    assert set(group_of(groups, "a")) == {"x", "y"}


def test_an_entrant_alone_has_no_comparison():
    """And leads its table."""
    pairs, groups = comparisons_of(*study({("a", "x"): np.linspace(0, 1, 20)}))
    assert len(pairs) == 0
    assert group_of(groups, "a") == {"x": 1}
