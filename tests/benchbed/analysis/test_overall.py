"""Average scores over problems, and refuse where the average would mislead."""

import pandas as pd

from benchbed.analysis.overall import overall_scores


def summary(*rows):
    columns = ["problem", "optimizer", "track", "score", "skipped", "notes"]
    return pd.DataFrame([dict(zip(columns, row, strict=True)) for row in rows])


def test_the_overall_score_is_the_plain_mean():
    """Each problem counts once, whatever its budget."""
    frame = summary(("a", "adam", "default", 0.2, 0, ""), ("b", "adam", "default", 0.6, 0, "nothing to tune"))
    assert overall_scores(frame)["score"].tolist() == [0.4]


def test_a_skipped_trial_leaves_no_overall_score():
    """An optimizer that could not pay for one step somewhere is not averaged over the rest."""
    frame = summary(("a", "gd", "default", 0.2, 0, ""), ("b", "gd", "default", 0.0, 20, ""))
    assert overall_scores(frame)["reason"].tolist() == ["skipped on some problem"]
    assert overall_scores(frame)["score"].isna().all()


def test_the_exact_oracle_leaves_no_overall_score():
    """Rows without the noise that the others bear are kept out of comparisons."""
    frame = summary(
        ("a", "gd", "tuned", 0.2, 0, ""), ("b", "gd", "tuned", 0.9, 0, "nothing to tune; exact oracle")
    )
    assert overall_scores(frame)["reason"].tolist() == ["exact oracle on some problem"]


def test_a_problem_without_a_row_leaves_no_overall_score():
    """A mean over fewer problems would not compare."""
    frame = summary(
        ("a", "gd", "tuned", 0.2, 0, ""), ("a", "adam", "tuned", 0.1, 0, ""), ("b", "gd", "tuned", 0.4, 0, "")
    )
    scores = overall_scores(frame).set_index("optimizer")["score"]
    assert scores["gd"] == (0.2 + 0.4) / 2
    assert pd.isna(scores["adam"])
