"""Reference studies repeat the numbers of a study, and their files are versions with digests."""

import json
import math

import msgspec
import numpy as np
import pytest

import benchbed
from benchbed.errors import UsageError
from benchbed.interfaces.reference_studies import ReferenceCurve, ReferenceScores
from benchbed.reports.bands import quartiles
from benchbed.reports.page import render
from benchbed.seeds import PROTOCOL
from benchbed.study import reference_files
from benchbed.study.reference_files import (
    SHIPPED,
    digest_of,
    newest_references,
    read_references,
    save_reference,
    user_folder,
)
from benchbed.study.reference_matching import with_references
from benchbed.study.reference_studies import reference_of

ROW = {"problem": "quadratic", "optimizer": "gd", "track": "tuned", "hyperparameters": {}}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A small study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
        return benchbed.run(
            problems=["quadratic", "quartic"], optimizers=["gd", "adam"], preset="quick", steps=40, seeds=3,
            output=tmp_path_factory.mktemp("reference") / "mine", executor="serial", device="cpu",
        )  # fmt: skip


def test_the_curves_end_at_the_summary(study):
    """The last median is the median gap, and the area below the share of reached targets is the score."""
    reference = reference_of(study, "mine")
    summary = study.summary.set_index(["problem", "optimizer", "track"])
    assert len(reference.curves) == len(summary)
    for curve in reference.curves:
        row = summary.loc[(curve.problem, curve.optimizer, curve.track)]
        final = math.inf if curve.median[-1] is None else curve.median[-1]
        assert final == pytest.approx(row["gap"], rel=1e-5)
        position = np.log(np.maximum(curve.calls, 1)) / math.log(40)
        assert np.diff(position) @ curve.reached[:-1] == pytest.approx(row["score"], abs=1e-5)


def test_the_curves_are_the_medians_of_the_trials(study):
    """At every checkpoint: only points between two equal ones are left out, which the line passes anyway."""
    results = study.results
    trials = dict(iter(results.outcomes.groupby(["problem", "optimizer", "track"])))
    for curve in reference_of(study, "mine").curves:
        rows = trials[curve.problem, curve.optimizer, curve.track]
        expected = quartiles(rows, results.curves, "gap", 40)
        medians = np.array([np.nan if median is None else median for median in curve.median])
        drawn = np.interp(expected["calls"], curve.calls, medians)
        assert drawn == pytest.approx(
            expected["median"].replace(np.inf, np.nan).to_numpy(), rel=1e-5, nan_ok=True
        )
        calls = np.concatenate(rows["calls_to_target"].to_list())
        last = np.searchsorted(curve.calls, expected["calls"], side="right") - 1
        shares = [(calls <= value).mean() for value in expected["calls"]]
        assert np.array(curve.reached)[last] == pytest.approx(shares, abs=1e-5)
        points = [*zip(curve.median, curve.reached, strict=True)]
        assert not any(a == b == c for a, b, c in zip(points, points[1:], points[2:], strict=False))


def test_equal_results_are_stored_once(study, tmp_path):
    """Other results are the next version, and the newest file is read back as it was stored."""
    first, is_new = save_reference(study, "mine", tmp_path)
    assert (first.path.name, first.study.title, is_new) == ("mine-1.json", "mine 1", True)
    assert save_reference(study, "mine", tmp_path) == (first, False)
    changed = json.loads(first.path.read_text())
    changed["study"]["summary"][0]["score"] += 0.1
    first.path.write_text(json.dumps(changed))
    stored, (error,) = read_references([tmp_path])
    assert stored == []
    assert "was changed after it was stored" in error
    first.path.unlink()
    again, _ = save_reference(study, "mine", tmp_path)
    assert read_references([tmp_path]) == ([again], [])


def test_a_later_version_replaces_an_earlier_one_on_pages(study, tmp_path, monkeypatch):
    """Both stay in the folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    save_reference(study, "mine", user_folder())
    monkeypatch.setattr(study, "plan", msgspec.structs.replace(study.plan, preset="full"))
    second, is_new = save_reference(study, "mine", user_folder())
    assert (second.study.version, is_new) == (2, True)
    assert len(read_references([user_folder()])[0]) == 2
    newest, _ = newest_references()
    assert [reference.study.title for reference in newest] == ["standard 3", "mine 2"]


def test_a_setting_may_contain_a_pair(tmp_path, monkeypatch):
    """Such as the decay rates of a class of torch, whose file is read back and whose row is on a page."""
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
    theirs, own = (
        benchbed.run(
            problems=["quadratic"], optimizers=[name], preset="quick", steps=20, seeds=2, tracks=["default"],
            output=tmp_path / name.rpartition(":")[2], executor="serial", device="cpu",
        )
        for name in ("torch.optim:Adam", "sgd")
    )  # fmt: skip
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    stored, _ = save_reference(theirs, "pair", user_folder())
    assert stored.study.summary[0].hyperparameters["betas"] == [0.9, 0.999]
    assert read_references([user_folder()]) == ([stored], [])
    page = render(with_references(own.results, own.plan)).decode()
    assert "torch.optim:Adam (pair 1)" in page
    assert "is not a reference study" not in page


def test_only_a_file_that_can_be_read_is_written(study, tmp_path, monkeypatch):
    """A value of a wrong type is a defect, a large study the choice of the user; no later page names either file."""
    with monkeypatch.context() as patch:
        patch.setattr(study, "plan", msgspec.structs.replace(study.plan, preset=5))
        with pytest.raises(msgspec.ValidationError, match="preset"):
            save_reference(study, "mine", tmp_path)
    monkeypatch.setattr(reference_files, "MOST_BYTES", 1000)
    with pytest.raises(
        UsageError, match=r"would have \d+ bytes, of which 1000 are read; save a study of fewer"
    ):
        save_reference(study, "mine", tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"[]", b'{"digest": "0", "study": {}}', b"[" * 100_000])
def test_other_files_are_named(tmp_path, content):
    """They hide no other file."""
    (tmp_path / "other.json").write_bytes(content)
    stored, (error,) = read_references([tmp_path])
    assert stored == []
    assert error.startswith(f"{tmp_path}/other.json is not a reference study (")


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("summary", [{"optimizer": "gd"}], "missing required field"),
        ("summary", [ROW | {"score": "high"}], "Expected `float | null`, got `str`"),
        ("summary", [ROW | {"score": 1.5}], "Expected `float` <= 1.0"),
        ("summary", [ROW | {"hyperparameters": '{"learning_rate": 0.1}'}], "Expected `object`, got `str`"),
        ("summary", [ROW | {"trials": -1}], "Expected `int` >= 0"),
        ("summary", [ROW | {"track": "best"}], "Invalid enum value 'best'"),
        ("overall", [{"optimizer": "gd", "track": "tuned"}], "missing required field"),
        (
            "scores",
            [ReferenceScores("quadratic", "gd", "tuned", (0.5,), ((0.5, 0.5), (0.5,)))],
            "a setting lacks",
        ),
        (
            "curves",
            [ReferenceCurve("quadratic", "gd", "tuned", (0.0, 1.0), (1.0,), ())],
            "a curve lacks a value",
        ),
        ("curves", [ReferenceCurve("quadratic", "gd", "tuned", (0.0,), (1.0,), (0.0, 1.0))], "a curve lacks"),
        ("problems", "a[", "selector"),
    ],
)
def test_files_of_others_cannot_break_pages(study, tmp_path, part, value, words):
    """Although their digest is right."""
    reference = reference_of(study, "mine", 1)
    if part == "problems":
        value = [msgspec.structs.replace(reference.problems[0], label=value)]
    changed = msgspec.structs.replace(reference, **{part: tuple(value)})
    content = msgspec.json.encode({"digest": digest_of(changed), "study": changed})
    (tmp_path / "mine-1.json").write_bytes(content)
    stored, (error,) = read_references([tmp_path])
    assert stored == []
    assert "is not a reference study (" in error
    assert words in error


def test_an_incomplete_study_is_no_reference(study, tmp_path, monkeypatch):
    """Its medians would be those of fewer trials."""
    monkeypatch.setattr(type(study), "lost", 2)
    with pytest.raises(UsageError, match=r"2 trials of .* have no result; complete the study"):
        save_reference(study, "mine", tmp_path)


def test_a_name_must_be_that_of_a_file(study, tmp_path):
    """A reference is stored in one folder."""
    with pytest.raises(UsageError, match="cannot be named 'a/b': it contains a slash"):
        save_reference(study, "a/b", tmp_path)


def test_the_names_of_shipped_results_are_reserved(study, tmp_path):
    """Pages show the newest version of a name, and every study without a suite is named after its preset."""
    with pytest.raises(
        UsageError, match="the reference results 'standard' are those of benchbed; choose another"
    ):
        save_reference(study, "standard", tmp_path)


@pytest.mark.slow
def test_the_shipped_results_are_those_of_the_current_code(tmp_path, monkeypatch):
    """An optimizer runs again on each problem of the suite standard; if it differs, the file is out of date."""
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
    (stored,), errors = read_references([SHIPPED])
    assert errors == []
    assert (stored.study.title, stored.study.protocol) == ("standard 3", PROTOCOL)
    study = benchbed.run(
        optimizers=["sgd"],
        tracks=["default"],
        output=tmp_path,
        device="cpu",
        engine="eager",
        executor="serial",
    )
    labels = ("problem", "optimizer", "track")
    shipped = {tuple(getattr(row, name) for name in labels): row for row in stored.study.summary}
    assert {problem.label for problem in stored.study.problems} == set(study.results.problems)
    again = reference_of(study, "again")
    assert len(again.summary) == len(stored.study.problems)
    for row in again.summary:
        expected = shipped[tuple(getattr(row, name) for name in labels)]
        assert row.hyperparameters == expected.hyperparameters
        # Sums are rounded in another order on other machines, along paths of up to 1 000 steps.
        assert row.score == pytest.approx(expected.score, abs=2e-3)
        assert float(row.gap) == pytest.approx(float(expected.gap), rel=0.05)  # "inf" if most diverged
