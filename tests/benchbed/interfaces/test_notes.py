"""The wording of notes."""

from benchbed.interfaces import Exclusion, GridExtended, Note, SkippedBecause
from benchbed.interfaces.notes import TargetsLost, describe_kind, describe_missing_score, format_notes


def test_notes_are_joined_by_semicolons():
    """A reason contains none, so that each part of the text is one note."""
    notes = (Note.EXACT_ORACLE, GridExtended(1e-6, 1e3), SkippedBecause("too expensive; wait"))
    assert format_notes(notes) == "exact oracle; grid extended to 1e-06…1000; skipped: too expensive, wait"
    assert format_notes([TargetsLost(9, 28)]) == "9 of 28 reached targets lost again before the end"
    assert describe_kind(TargetsLost(9, 28)) == describe_kind(TargetsLost(1, 2))
    assert format_notes(()) == ""


def test_the_reason_for_a_missing_overall_score_names_the_problems():
    """A row with an overall score has no reason."""
    assert describe_missing_score(Exclusion.EXACT_ORACLE) == "exact oracle on some problem"
    assert describe_missing_score(Exclusion.DEFAULT_TRACK) == "default track"
    assert describe_missing_score(None) == ""
