"""The best mark goes to the highest score that may be compared."""

import math

import pandas as pd

from benchbed.interfaces import Note
from benchbed.reports.ranking import best_rows, rank_rows


def _summary(*rows):
    columns = ["problem", "optimizer", "track", "score", "gap", "notes"]
    return pd.DataFrame([("p", *row) for row in rows], columns=columns)


def test_the_best_of_each_problem_and_track_is_marked():
    """Tracks are tables of their own."""
    rows = [("a", "default", 0.2, 1.0, ()), ("b", "default", 0.3, 1.0, ()), ("a", "tuned", 0.9, 1.0, ())]
    assert best_rows(_summary(*rows)).tolist() == [False, True, True]


def test_an_exact_oracle_never_wins():
    """It sees what the others do not; one note among several is enough."""
    rows = [
        ("a", "default", 0.9, 1.0, (Note.KNOWS_BUDGET, Note.EXACT_ORACLE)),
        ("b", "default", 0.3, 1.0, (Note.KNOWS_BUDGET,)),
    ]
    assert best_rows(_summary(*rows)).tolist() == [False, True]


def test_ties_share_the_mark():
    """Differences below 10⁻⁹ are ties: the protocol's rule 11."""
    rows = [
        ("a", "default", 0.5, 1.0, ()),
        ("b", "default", 0.5 - 1e-10, 1.0, ()),
        ("c", "default", 0.4, 1.0, ()),
    ]
    assert best_rows(_summary(*rows)).tolist() == [True, True, False]


def test_nothing_is_no_win():
    """Where nobody reached a target, or nothing has a score, nobody is the best."""
    rows = [("a", "default", 0.0, 1.0, ()), ("b", "default", math.nan, 1.0, ())]
    assert best_rows(_summary(*rows)).tolist() == [False, False]


def test_rows_stand_by_track_then_score_and_the_lost_last():
    """Diverged rows are ranked last and never dropped; exact oracles stand behind the compared rows."""
    rows = [
        ("lost", "default", 0.0, math.inf, ()),
        ("none", "default", math.nan, math.nan, ()),
        ("slow", "default", 0.0, 0.5, ()),
        ("exact", "default", 0.9, 0.0, (Note.EXACT_ORACLE,)),
        ("good", "default", 0.7, 0.1, ()),
        ("other", "tuned", 1.0, 0.0, ()),
    ]
    assert rank_rows(_summary(*rows))["optimizer"].tolist() == [
        "good",
        "slow",
        "lost",
        "none",
        "exact",
        "other",
    ]
