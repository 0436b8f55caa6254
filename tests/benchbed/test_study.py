"""The functions `benchbed.run` and `benchbed.load`."""

import subprocess
import sys

import pandas as pd
import pytest

import benchbed
from benchbed.analysis.results import build_results
from benchbed.errors import StudyFolderError, UsageError
from benchbed.reports import ranking
from benchbed.store import TRIAL_SCHEMA, StudyFolder
from benchbed.study.reporting import read_results

pytestmark = pytest.mark.slow

SCRIPT = """
import benchbed
study = benchbed.run(
    problems=["quadratic"], optimizers=["gd", "adam"], preset="quick", steps=30, seeds=2, output="study", jobs=2,
    progress=True,
)
assert study.lost == 0
print(len(benchbed.load("study").trials))
"""


@pytest.fixture(scope="module")
def study(run_once, make_environment):
    """Run a study from a script, and load it."""

    def fill(folder):
        (folder / "script.py").write_text(SCRIPT)
        command = [sys.executable, "-P", "script.py"]
        process = subprocess.run(
            command,
            cwd=folder,
            env=make_environment(),
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        (folder / "stdout").write_text(process.stdout)

    return benchbed.load(run_once("script", fill) / "study")


def test_a_script_needs_no_guard(study):
    """Worker processes do not import the script, so it ran once."""
    assert (study.path.parent / "stdout").read_text() == f"{len(study.trials)}\n"


def test_trials_have_the_columns_of_the_store(study):
    """There is one row for each stored trial."""
    assert list(study.trials.columns) == TRIAL_SCHEMA.names
    assert study.trials["trial_key"].is_unique


def test_tracks_are_filled_on_loading(study):
    """A tuning trial belongs to no track, an evaluation trial to one or both."""
    tracks = study.trials.set_index("trial_key")["tracks"]
    tuning = study.trials.set_index("trial_key")["role"] == "tuning"
    assert not tracks[tuning].map(len).any()
    assert set(tracks[~tuning].map(tuple)) <= {("default",), ("tuned",), ("default", "tuned")}


def test_results_are_those_of_all_columns_of_the_trials(study):
    """The study reads a few columns, and the curves only when they are used."""
    expected = build_results(study.plan, StudyFolder(study.path).read_trials(study.plan))
    assert study.results_without_curves.curves.empty
    assert list(study.results_without_curves.curves.columns) == list(expected.curves.columns)
    for name, frame in expected._asdict().items():
        if isinstance(frame, pd.DataFrame):
            pd.testing.assert_frame_equal(getattr(study.results, name), frame)
    assert len(expected.curves)


def test_reports_read_the_curves_of_the_optimizers_in_charts(study, monkeypatch):
    """All other frames contain every optimizer."""
    folder, everything = str(study.path), study.results
    shown = read_results(folder, (), (), "all")
    pd.testing.assert_frame_equal(shown.curves, everything.curves)
    monkeypatch.setattr(ranking, "MOST", 1)
    (best,) = ranking.limit_optimizers(everything)[0].optimizers
    shown = read_results(folder, (), (), "one")
    of_best = everything.outcomes["trial_key"][everything.outcomes["optimizer"] == best]
    assert set(shown.curves["trial_key"]) == set(of_best)
    assert set(shown.outcomes["optimizer"]) == {"gd", "adam"}


def test_the_summary_has_the_columns_of_its_file(study):
    """There is one row for each problem × optimizer × track."""
    header = (study.path / "summary.csv").read_text().splitlines()[0]
    assert header == ",".join(study.summary.columns)
    assert header.startswith(
        "problem,optimizer,track,hyperparameters,settings_tried,trials,score,score_low,score_high,target,"
        "success_rate,success_low,success_high,median_calls,calls_low,calls_high,gap,"
    )
    assert header.endswith(",notes")
    assert len(study.summary) == 4


def test_secondary_metrics_have_the_rows_of_the_summary(study):
    """Every pairing is tuned and timed, and adam needs 48 bytes for two parameters."""
    labels = ["problem", "optimizer", "track"]
    assert study.measures[labels].equals(study.summary[labels])
    assert (study.measures["microseconds_per_step"] > 0).all()
    assert study.measures["state_bytes_per_parameter"].tolist() == [0.0, 0.0, 24.0, 24.0]
    assert study.measures[["robustness_decades", "share_diverged"]].notna().all(axis=None)


def test_curves_carry_every_evaluation_trial_to_the_budget(study):
    """They name problem, optimizer, track, seed and hyperparameters, and begin at the start."""
    evaluated = study.trials[study.trials["role"] == "evaluation"]
    assert set(study.curves["trial_key"]) == set(evaluated["trial_key"])
    labels = ["problem", "optimizer", "track", "seed"]
    assert {*labels, "calls", "gap", "learning_rate", "beta1"} <= set(study.curves)
    calls = study.curves.groupby(labels)["calls"]
    assert (calls.min() == 0).all()
    assert (calls.max() == 30).all()


def test_targets_and_tuning_trials_have_their_rows(study):
    """A row for each target of an evaluation trial in a track, and one for each tuning trial."""
    targets = study.results.problems["quadratic"].targets
    assert len(study.targets) == len(study.results.outcomes) * len(targets)
    assert len(study.tuning) == (study.trials["role"] == "tuning").sum()
    assert study.tuning["learning_rate"].nunique() > 1


def test_a_study_shows_itself(study):
    """Its folder and size as text, its conclusion and scores as HTML."""
    assert repr(study) == f"<Study {study.path}: 2 optimizers, 1 problem, {len(study.trials)} trials>"
    html = study._repr_html_()
    assert f"study folder: {study.path}" in html
    assert "no result" not in html
    assert "warning" not in html
    assert html.count("<tr>") == 1 + len(study.summary)


def test_a_study_without_trials_counts_them(study, tmp_path):
    """As of a run that was interrupted at once: nothing to compare, and the number of planned trials."""
    (tmp_path / "plan.json").write_bytes((study.path / "plan.json").read_bytes())
    (tmp_path / "index.html").touch()
    empty = benchbed.load(tmp_path)
    empty.warnings.append("a warning")
    html = empty._repr_html_()
    assert "there is nothing to compare" in html
    assert f"page of the study: {tmp_path / 'index.html'}" in html
    assert f"{empty.lost} planned trials have no result" in html
    assert "study.losses" not in html  # they have no row
    assert "1 warning; see study.warnings" in html
    assert empty.curves.empty
    with pytest.raises(UsageError, match="nothing to draw"):
        empty.plot("loss")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"problems": ["quartik"], "optimizers": ["gd"]}, "did you mean 'quartic'"),
        (
            {"problems": ["quadratic"], "optimizers": ["gd"], "tracks": ["fast"]},
            "unknown track 'fast'",
        ),
        ({"problems": ["quadratic"], "optimizers": ["gd"], "jobs": 0}, "jobs"),
        ({"problems": ["quadratic"], "optimizers": ["gd"], "timeout": -1.0}, "timeout"),
        ({"problems": "quadratic", "optimizers": ["gd"]}, "problems"),
    ],
)
def test_invalid_arguments_are_rejected(arguments, error, tmp_path):
    """As for the command, nothing is written."""
    with pytest.raises(UsageError, match=error):
        benchbed.run(**arguments, preset="quick", output="study")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_study_cannot_be_loaded(tmp_path):
    """The error has the solution, and nothing is written."""
    with pytest.raises(StudyFolderError, match="is not a study folder; pass the folder"):
        benchbed.load(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []
