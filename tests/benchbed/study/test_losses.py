"""Lost trials are counted by their error."""

from benchbed.interfaces import TrialStatus
from benchbed.store import table_of
from benchbed.study.losses import Losses, describe_losses, losses_of

TRACEBACK = """Traceback (most recent call last):
  File "mine.py", line 3, in update
    raise ValueError("one")
ValueError: {message}
and a second line
"""


def row(key, status, error):
    return {"trial_key": key, "status": status, "error": error}


def test_equal_errors_of_several_pairings_are_one_loss():
    """The most frequent comes first; trials that are not lost are left out."""
    rows = [
        row("a", "crashed", "the process died"),
        row("b", "failed", TRACEBACK.format(message="one")),
        row("c", "failed", TRACEBACK.format(message="one")),
        row("d", "failed", TRACEBACK.format(message="one")),
        row("e", "timed_out", None),
    ]
    lost = {"a": "p × first", "b": "p × first", "c": "p × second", "e": "p × second"}
    assert losses_of(table_of(rows), lost) == [
        Losses(TrialStatus.FAILED, "ValueError: one", ("p × first", "p × second"), 2),
        Losses(TrialStatus.CRASHED, "the process died", ("p × first",), 1),
        Losses(TrialStatus.TIMED_OUT, "", ("p × second",), 1),
    ]


def test_a_pairing_that_could_not_be_planned_has_its_own_error():
    """The errors of other trials with the same status differ only in the log that they name."""
    rows = [
        row("a", "crashed", "died; its output is in logs/1"),
        row("b", "crashed", "no plan"),
        row("c", "crashed", "died; its output is in logs/2"),
    ]
    lost = {"a": "p × o", "b": "trap × o", "c": "q × o"}
    assert losses_of(table_of(rows), lost, {"trap × o"}) == [
        Losses(TrialStatus.CRASHED, "died; its output is in logs/1", ("p × o", "q × o"), 2),
        Losses(TrialStatus.CRASHED, "no plan", ("trap × o",), 1),
    ]


def test_ten_errors_are_described_and_the_others_counted():
    """Each in one line."""
    losses = [Losses(TrialStatus.TIMED_OUT, f"number\n{number}", ("p × o",), 1) for number in range(13)]
    lines = describe_losses(losses)
    assert lines[0] == "1 trial timed out: p × o: number 0"
    assert lines[10:] == ["and 3 further errors"]
