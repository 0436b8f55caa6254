"""Each pairing opens its trials, its learning rates and the tracebacks of its failures."""

from benchbed.reports.page import pairings
from benchbed.reports.page.pairings import pairing_anchors, pairings_of


def details_of(results, problem="quadratic"):
    numbers = {optimizer: index for index, optimizer in enumerate(results.optimizers)}
    return pairings_of(results, problem, numbers, pairing_anchors(results, numbers))


def test_every_trial_has_a_row_and_a_line(usual):
    """In the table, and in the chart of its track."""
    (adam,) = (pairing for pairing in details_of(usual) if pairing.optimizer == "adam")
    assert [(chart.title, chart.track) for chart in adam.charts] == [
        ("Trials", "default"),
        ("Trials", "tuned"),
        ("Tuning trials", ""),
    ]
    assert [len(chart.lines) for chart in adam.charts] == [5, 5, 1]
    assert adam.charts[2].lines[0].dots.count("M") == 13 * 3
    trials = usual.outcomes[
        (usual.outcomes["optimizer"] == "adam") & (usual.outcomes["problem"] == "quadratic")
    ]
    rows = [[cell.text for cell in row.cells] for row in adam.trials.rows]
    assert [(row[0], row[1], row[3]) for row in rows] == [
        (track, str(seed), status)
        for track, seed, status in zip(trials["track"], trials["seed"], trials["status"], strict=True)
    ]
    assert [row[0] for row in rows] == [row.track for row in adam.trials.rows]


def test_equal_errors_are_shown_once(usual, page):
    """With the number of trials and the exception, and as text."""
    (adam,) = (pairing for pairing in details_of(usual) if pairing.optimizer == "adam")
    ((title, error),) = adam.failures
    assert title == "2 evaluation trials failed: ValueError: <b>no</b> \x1b[31m"
    assert error.startswith("Traceback")
    assert r"ValueError: <b>no</b> \x1b[31m" in next(text for _, text in page.find("pre")).splitlines()
    assert not any(pairing.failures for pairing in details_of(usual, "quartic[noise=0.1]"))


def test_skipped_trials_are_not_called_failures(usual):
    """Their reason is shown as the errors of failures are."""
    outcomes = usual.outcomes.assign(error="a step costs 32 calls", status="skipped")
    summary = usual.summary.assign(skipped=usual.summary["trials"])
    (gd, *_) = details_of(usual._replace(outcomes=outcomes, summary=summary))
    assert gd.scores.endswith(", with skipped trials")
    (adam,) = (pairing for pairing in details_of(usual) if pairing.optimizer == "adam")
    assert adam.scores.endswith(", with failures")


def test_the_end_of_a_long_traceback_is_shown(usual):
    """The last lines name the error."""
    outcomes = usual.outcomes.assign(error="line\n" * 10_000 + "ValueError: last")
    failures = details_of(usual._replace(outcomes=outcomes))[0].failures
    assert failures[0].error.startswith("…")
    assert failures[0].error.endswith("ValueError: last")
    assert len(failures[0].error) < 10_000


def test_many_pairings_begin_with_those_that_lost_trials(results, monkeypatch):
    """Then those with the highest scores; sgd lost trials on both problems."""
    monkeypatch.setattr(pairings, "MOST_PAIRINGS", 3)
    numbers = {optimizer: index for index, optimizer in enumerate(results.optimizers)}
    anchors = pairing_anchors(results, numbers)
    others = results.summary[results.summary["optimizer"] != "sgd"]
    best = others.loc[others["score"].idxmax()]
    assert set(anchors) == {
        ("quadratic", "sgd"),
        ("quartic[noise=0.1]", "sgd"),
        (best["problem"], best["optimizer"]),
    }
    assert anchors["quadratic", "sgd"] == "p0-o1"


def test_the_table_contains_the_first_trials_of_each_track(usual, monkeypatch):
    """A sentence counts all; without more trials there is none."""
    assert {pairing.note for pairing in details_of(usual)} == {""}
    monkeypatch.setattr(pairings, "_MOST_ROWS", 2)
    (adam,) = (pairing for pairing in details_of(usual) if pairing.optimizer == "adam")
    rows = [[cell.text for cell in row.cells][:2] for row in adam.trials.rows]
    assert rows == [[track, seed] for track in ("default", "tuned") for seed in "01"]
    assert "first 2 of 5 trials of a track" in adam.note


def test_a_chart_contains_the_first_curves_of_its_track(usual, monkeypatch):
    """The caption counts all."""
    monkeypatch.setattr(pairings, "_MOST_CURVES", 2)
    (adam,) = (pairing for pairing in details_of(usual) if pairing.optimizer == "adam")
    for chart, track in zip(adam.charts, ("default", "tuned"), strict=False):
        assert [line.title.partition(":")[0] for line in chart.lines] == ["seed 0", "seed 1"]
        assert chart.caption == f"The first 2 of 5 trials of the track {track}, one line each."
    monkeypatch.setattr(pairings, "_MOST_CURVES", 5)
    (adam,) = (pairing for pairing in details_of(usual) if pairing.optimizer == "adam")
    assert adam.charts[0].caption == "The 5 trials of the track default, one line each."
