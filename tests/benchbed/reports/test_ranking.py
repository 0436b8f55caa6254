"""Rows are sorted, and the highest compared score is marked."""

import math

import pandas as pd
import pytest

from benchbed.interfaces import LOST_STATUSES, Note, TrialStatus
from benchbed.reports.ranking import best_rows, leading_rows, rank_rows


def summary_of(*rows):
    columns = ["problem", "optimizer", "track", "score", "gap", "notes"]
    return pd.DataFrame([("p", *row) for row in rows], columns=columns).assign(objective=0.0)


def test_the_highest_score_of_each_problem_and_track_is_marked():
    """Each track is a separate table."""
    rows = [("a", "default", 0.2, 1.0, ()), ("b", "default", 0.3, 1.0, ()), ("a", "tuned", 0.9, 1.0, ())]
    assert best_rows(summary_of(*rows)).tolist() == [False, True, True]


def test_the_exact_oracle_is_not_marked():
    """One note among several is enough."""
    rows = [
        ("a", "default", 0.9, 1.0, (Note.KNOWS_BUDGET, Note.EXACT_ORACLE)),
        ("b", "default", 0.3, 1.0, (Note.KNOWS_BUDGET,)),
    ]
    assert best_rows(summary_of(*rows)).tolist() == [False, True]


def test_tied_scores_are_all_marked():
    """Differences below 10⁻⁹ are ties (protocol, rule 11)."""
    rows = [
        ("a", "default", 0.5, 1.0, ()),
        ("b", "default", 0.5 - 1e-10, 1.0, ()),
        ("c", "default", 0.4, 1.0, ()),
    ]
    assert best_rows(summary_of(*rows)).tolist() == [True, True, False]


def test_a_score_of_zero_is_not_marked():
    """Neither is a missing score."""
    rows = [("a", "default", 0.0, 1.0, ()), ("b", "default", math.nan, 1.0, ())]
    assert best_rows(summary_of(*rows)).tolist() == [False, False]


def test_rows_are_sorted_by_track_score_and_gap():
    """Diverged rows come last, and exact oracles after the compared rows."""
    rows = [
        ("lost", "default", 0.0, math.inf, ()),
        ("none", "default", math.nan, math.nan, ()),
        ("slow", "default", 0.0, 0.5, ()),
        ("exact", "default", 0.9, 0.0, (Note.EXACT_ORACLE,)),
        ("good", "default", 0.7, 0.1, ()),
        ("other", "tuned", 1.0, 0.0, ()),
    ]
    assert rank_rows(summary_of(*rows))["optimizer"].tolist() == [
        "good",
        "slow",
        "lost",
        "none",
        "exact",
        "other",
    ]


@pytest.mark.parametrize(("highest", "leads"), [(0.01, [True, True, False]), (0.0, [False, False, False])])
def test_rows_that_do_not_differ_significantly_from_the_leader_are_marked(highest, leads):
    """A score of 0 beside a small one, which five seeds cannot tell from it; none if nobody reached a target."""
    rows = [("a", name, "tuned", score, ()) for name, score in (("x", highest), ("y", 0.0), ("z", 0.5))]
    rows = pd.DataFrame(rows, columns=["problem", "optimizer", "track", "score", "notes"])
    rows = rows.assign(trials=5, **dict.fromkeys(LOST_STATUSES, 0))
    groups = pd.DataFrame(
        [("a", "tuned", "x", 1), ("a", "tuned", "y", 1)], columns=["problem", "track", "optimizer", "group"]
    )
    assert leading_rows(rows, groups).tolist() == leads


def test_a_row_of_lost_trials_is_never_marked():
    """However few seeds there are to tell it from the leader."""
    rows = [("a", name, "tuned", score, (), 3, lost) for name, score, lost in (("x", 0.4, 0), ("y", 0.0, 3))]
    names = ["problem", "optimizer", "track", "score", "notes", "trials", "diverged"]
    groups = pd.DataFrame(
        [("a", "tuned", "x", 1), ("a", "tuned", "y", 1)], columns=["problem", "track", "optimizer", "group"]
    )
    frame = pd.DataFrame(rows, columns=names).assign(
        **dict.fromkeys(LOST_STATUSES - {TrialStatus.DIVERGED}, 0)
    )
    assert leading_rows(frame, groups).tolist() == [True, False]
