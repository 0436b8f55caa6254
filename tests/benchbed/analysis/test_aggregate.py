"""Scores averaged over problems, unless the average would mislead."""

import numpy as np
import pandas as pd
import pytest

from benchbed.analysis.aggregate import deterministic_rows, overall_scores
from benchbed.analysis.intervals import overall_interval
from benchbed.interfaces import ALL_PROBLEMS, Exclusion, Note

NOTHING = pd.DataFrame(columns=["problem", "optimizer", "track", "seed", "score"])


def summary(*rows):
    columns = ["problem", "optimizer", "track", "score", "skipped", "notes"]
    return pd.DataFrame([dict(zip(columns, row, strict=True)) for row in rows])


def test_the_overall_score_is_the_plain_mean():
    """Each problem counts once, independent of its budget."""
    frame = summary(
        ("a", "adam", "tuned", 0.2, 0, ()), ("b", "adam", "tuned", 0.6, 0, (Note.NOTHING_TO_TUNE,))
    )
    assert overall_scores(frame, NOTHING)["score"].tolist() == [0.4]


def test_with_a_skipped_trial_there_is_no_overall_score():
    """An optimizer whose first step is beyond the budget of a problem is not averaged over the others."""
    frame = summary(("a", "gd", "tuned", 0.2, 0, ()), ("b", "gd", "tuned", 0.0, 20, ()))
    assert overall_scores(frame, NOTHING)["reason"].tolist() == [Exclusion.SKIPPED]
    assert overall_scores(frame, NOTHING)["score"].isna().all()


def test_with_the_exact_oracle_there_is_no_overall_score():
    """Rows without the noise of the others are not compared."""
    frame = summary(
        ("a", "gd", "tuned", 0.2, 0, ()),
        ("b", "gd", "tuned", 0.9, 0, (Note.NOTHING_TO_TUNE, Note.EXACT_ORACLE)),
    )
    assert overall_scores(frame, NOTHING)["reason"].tolist() == [Exclusion.EXACT_ORACLE]


def test_with_a_missing_row_there_is_no_overall_score():
    """A mean over fewer problems would not be comparable."""
    frame = summary(
        ("a", "gd", "tuned", 0.2, 0, ()), ("a", "adam", "tuned", 0.1, 0, ()), ("b", "gd", "tuned", 0.4, 0, ())
    )
    scores = overall_scores(frame, NOTHING).set_index("optimizer")["score"]
    assert scores["gd"] == (0.2 + 0.4) / 2
    assert pd.isna(scores["adam"])


def test_the_interval_is_that_of_the_mean_over_problems():
    """Seeds are resampled within each problem; two problems with the same scores have the interval of their mean."""
    scores = [0.1, 0.4, 0.3, 0.2]
    frame = summary(("a", "adam", "tuned", 0.25, 0, ()), ("b", "adam", "tuned", 0.25, 0, ()))
    outcomes = pd.DataFrame(
        [(problem, "adam", "tuned", seed, score) for problem in "ab" for seed, score in enumerate(scores)],
        columns=NOTHING.columns,
    )
    row = overall_scores(frame, outcomes).iloc[0]
    assert row["score_low"] < 0.25 < row["score_high"]
    assert row["score_high"] - row["score_low"] < max(scores) - min(scores)


def test_a_deterministic_problem_is_a_constant_in_the_interval():
    """The interval is half as wide as that of the other problem, around the mean of both."""
    scores = np.random.default_rng(0).random(20)
    rows = [("b", "adam", "tuned", seed, score) for seed, score in enumerate(scores)]
    frame = summary(
        ("a", "adam", "tuned", 0.9, 0, (Note.DETERMINISTIC,)),
        ("b", "adam", "tuned", scores.mean(), 0, ()),
    )
    outcomes = pd.DataFrame([("a", "adam", "tuned", 0, 0.9), *rows], columns=NOTHING.columns)
    row = overall_scores(frame, outcomes).iloc[0]
    # Resamples depend on the position of a problem, so the other problem is the second one here too.
    low, high, _ = overall_interval([np.full(20, 0.0), scores])
    assert row["score"] == pytest.approx((0.9 + scores.mean()) / 2)
    assert (row["score_low"], row["score_high"]) == pytest.approx((0.45 + low, 0.45 + high), abs=1e-12)


def test_deterministic_problems_alone_have_no_interval():
    """There is nothing to resample."""
    frame = summary(*((problem, "gd", "tuned", 0.5, 0, (Note.DETERMINISTIC,)) for problem in "ab"))
    outcomes = pd.DataFrame([(problem, "gd", "tuned", 0, 0.5) for problem in "ab"], columns=NOTHING.columns)
    row = overall_scores(frame, outcomes).iloc[0]
    assert row["score"] == 0.5
    assert row[["score_low", "score_high"]].isna().all()


def test_deterministic_rows_are_those_with_the_note():
    """Other notes of the row, and other rows of the problem, do not matter."""
    frame = summary(
        ("a", "gd", "tuned", 0.5, 0, (Note.NOTHING_TO_TUNE, Note.DETERMINISTIC)),
        ("b", "gd", "tuned", 0.5, 0, (Note.NOTHING_TO_TUNE,)),
        ("b", "adam", "tuned", 0.5, 0, (Note.DETERMINISTIC,)),
    )
    assert deterministic_rows(frame) == {("a", "gd", "tuned"), ("b", "adam", "tuned")}


def test_groups_have_means_of_their_own():
    """In the order of the study, before the mean over all problems; a single group has none."""
    frame = summary(
        *((name, "adam", "tuned", score, 0, ()) for name, score in (("a", 0.2), ("b", 0.6), ("c", 0.7)))
    )
    scores = overall_scores(frame, NOTHING, groups={"a": "noise", "b": "geometry", "c": "noise"})
    assert scores[["group", "score"]].to_numpy().tolist() == [
        ["noise", pytest.approx(0.45)],
        ["geometry", 0.6],
        [ALL_PROBLEMS, pytest.approx(0.5)],
    ]
    alone = overall_scores(frame, NOTHING, groups=dict.fromkeys("abc", "noise"))
    assert alone["group"].tolist() == [ALL_PROBLEMS]


def test_default_rates_have_no_overall_score():
    """Unless the study has one problem: then the mean is its score."""
    frame = summary(("a", "gd", "default", 0.2, 0, (Note.EXACT_ORACLE,)), ("b", "gd", "default", 0.6, 0, ()))
    row = overall_scores(frame, NOTHING).iloc[0]
    assert (np.isnan(row["score"]), row["reason"]) == (True, Exclusion.DEFAULT_TRACK)
    assert overall_scores(frame[1:], NOTHING)["score"].tolist() == [0.6]
