"""Tests of shards of a study, and of `benchbed merge`."""

import contextlib
import json
import os
import select
import shlex
import shutil
import signal
from pathlib import Path

import pyarrow as pa
import pytest

import benchbed
from benchbed.interfaces.results import Share
from benchbed.store import StudyFolder, from_bytes, to_bytes

pytestmark = pytest.mark.slow

OPTIONS = [
    "--preset", "quick", "--steps", "30", "--seeds", "2", "-j", "1",
    *("-p", "quadratic", "-p", "quartic", "-o", "gd", "-o", "adam", "-o", "sgd"),
]  # fmt: skip
SHARDS = [f"results/quick-{number}-of-4" for number in range(1, 5)]


@pytest.fixture(scope="module")
def folder(run_once, run_in_process):
    """Return a folder with a study, its four shards, and these merged."""

    def fill(path):
        assert run_in_process(path, "run", *OPTIONS, "-O", "whole").returncode == 0
        for number in range(1, 5):
            shard = run_in_process(path, "run", *OPTIONS, "--shard", f"{number}/4")
            assert shard.returncode == 0, shard.stderr
        merged = run_in_process(path, "merge", *SHARDS, "-O", "merged")
        assert merged.returncode == 0, merged.stderr

    return run_once("shards", fill)


@pytest.fixture
def copy(folder, tmp_path):
    """Return a copy of that folder, which a test may change."""
    return shutil.copytree(folder, tmp_path / "copy")


def rows(path):
    """Return the stored trials without their times and memory, sorted."""
    return (
        StudyFolder(path)
        .read_trials()
        .drop_columns(["wall_seconds", "peak_bytes"])
        .sort_by("trial_key")
        .to_pylist()
    )


def contents(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


def change_rows(path, column, change):
    """Change the values of a column in all parts of a study folder."""
    for part in (path / "trials").iterdir():
        trials = from_bytes(part.read_bytes())
        index = trials.schema.get_field_index(column)
        values = pa.array([change(value) for value in trials[column].to_pylist()], trials.schema[index].type)
        part.write_bytes(to_bytes(trials.set_column(index, trials.schema[index], values)))


def test_merged_shards_equal_the_study_to_the_bit(folder):
    """Each trial of the study is in one shard, with the same result."""
    assert repr(rows(folder / "merged")) == repr(rows(folder / "whole"))
    assert sum(len(rows(folder / shard)) for shard in SHARDS) == len(rows(folder / "whole"))
    assert all(rows(folder / shard) for shard in SHARDS)


def test_merged_shards_have_the_plan_and_the_environments_of_the_study(folder):
    """The study can be resumed, repeated and verified."""
    assert (folder / "merged" / "plan.json").read_bytes() == (folder / "whole" / "plan.json").read_bytes()
    assert list((folder / "merged" / "environments").iterdir())


def test_merging_again_changes_nothing(copy, run_in_process):
    """Neither do a folder that is named twice, and the merged folder itself."""
    before = contents(copy / "merged")
    again = run_in_process(copy, "merge", *SHARDS, SHARDS[0], "merged", "-O", "merged")
    assert again.returncode == 0, again.stderr
    assert contents(copy / "merged") == before


def test_a_merged_folder_is_verified(folder, run_in_process):
    """Its parts are whole batches."""
    result = run_in_process(folder, "verify", "merged", "--sample", "100")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("format_", ["table", "markdown", "json"])
def test_a_shard_is_described_as_one(folder, run_in_process, format_):
    """The sentence is above the tables; the merged study has none."""
    sentence = "This is shard 2 of 4, with 2 of 6 pairings of a problem and an optimizer"
    result = run_in_process(folder, "report", SHARDS[1], "--format", format_)
    merged = run_in_process(folder, "report", "merged", "--format", format_)
    if format_ == "json":
        assert json.loads(result.stdout)["shard"] == {
            "number": 2,
            "shards": 4,
            "pairings": 2,
            "all_pairings": 6,
        }
        assert json.loads(merged.stdout)["shard"] is None
    else:
        assert result.stdout.startswith(sentence)
        assert "shard" not in merged.stdout


def test_the_reports_of_a_shard_contain_the_sentence(copy, run_in_process):
    """On the page, and in the files of tables and findings."""
    only = [option for name in ("page", "tables", "findings") for option in ("--only", name)]
    result = run_in_process(copy, "report", SHARDS[1], *only, plots=True)
    assert result.returncode == 0, result.stderr
    for name in (
        "index.html",
        "tables/summary.md",
        "tables/summary.tex",
        "tables/quartic.md",
        "tables/findings.md",
    ):
        assert "This is shard 2 of 4" in (copy / SHARDS[1] / name).read_text()


def test_an_incomplete_study_is_completed(copy, run_in_process):
    """The command is printed, and the trials of the shards do not run again."""
    merged = run_in_process(copy, "merge", *SHARDS[:2], "-O", "half")
    assert merged.returncode == 1
    assert "`benchbed run half/suite.toml -O half`" in merged.stderr
    assert "column `error`" not in merged.stderr  # no row has one
    parts = contents(copy / "half" / "trials")
    completed = run_in_process(copy, "run", "half/suite.toml", "-O", "half", "-j", "1")
    assert completed.returncode == 0, completed.stderr
    assert parts.items() <= contents(copy / "half" / "trials").items()
    assert repr(rows(copy / "half")) == repr(rows(copy / "whole"))


def test_an_interrupted_shard_is_completed(copy, run_in_process):
    """Its report prints the command, which runs the trials of this shard only."""
    shard = copy / SHARDS[0]
    before = rows(shard)
    next(shard.glob("trials/*-tuning.parquet")).unlink()
    report = run_in_process(copy, "report", SHARDS[0])
    assert report.returncode == 1
    assert report.stderr.splitlines()[-1].endswith(" have no result")
    command = shlex.split(report.stderr.partition("complete the study with `")[2].partition("`")[0])
    completed = run_in_process(copy, *command[1:], "-j", "1")
    assert completed.returncode == 0, completed.stderr
    assert repr(rows(shard)) == repr(before)


def test_the_command_that_completes_a_study_is_complete(tmp_path, run_in_process):
    """It names the plugin files, and a shell reads each path as one word."""
    plugin = tmp_path / "my optimizers.py"
    plugin.write_text(
        "from benchbed.hookspecs import hookimpl\nfrom benchbed_optimizers.gd import gd\n\n\n"
        "@hookimpl\ndef register_optimizers(register):\n    register(gd, name='mine')\n"
    )
    options = [
        "--preset",
        "quick",
        "--steps",
        "5",
        "--seeds",
        "1",
        "-p",
        "quadratic",
        "-j",
        "1",
        "--plugin",
        plugin.name,
    ]
    shard = run_in_process(
        tmp_path, "run", *options, "-o", "mine", "-o", "gd", "--shard", "1/2", "-O", "a part"
    )
    assert shard.returncode == 0, shard.stderr
    merged = run_in_process(tmp_path, "merge", "a part", "--plugin", plugin.name, "-O", "a whole")
    assert merged.returncode == 1
    command = shlex.split(merged.stderr.partition("complete the study with `")[2].partition("`")[0])
    assert command[:2] == ["benchbed", "run"]
    assert run_in_process(tmp_path, *command[1:]).returncode == 0


def test_a_killed_shard_is_resumed(copy, start_forked, make_environment, run_in_process):
    """Its driver is killed after the first part; no trial is stored twice after it has run again and is merged."""
    shard = ["run", *OPTIONS, "--shard", "1/4", "-O", "killed"]
    report, errors = start_forked(copy, ["benchbed", *shard], make_environment())
    with report, errors:
        process_id = int(report.readline())
        has_ended = False
        while not (has_ended or list(copy.glob("killed/trials/*.parquet"))):
            has_ended = bool(select.select([report], [], [], 0.02)[0])
        with contextlib.suppress(ProcessLookupError):  # it may have ended before the kill
            os.kill(process_id, signal.SIGKILL)
        assert int(report.readline()) in (0, -signal.SIGKILL), errors.read()
    assert run_in_process(copy, *shard).returncode == 0
    merged = run_in_process(copy, "merge", "killed", *SHARDS[1:], "-O", "new")
    assert merged.returncode == 0, merged.stderr
    keys = [
        key for part in StudyFolder(copy / "new").read_parts() for key in part.trials["trial_key"].to_pylist()
    ]
    assert len(keys) == len(set(keys))
    assert repr(rows(copy / "new")) == repr(rows(copy / "whole"))


def test_other_studies_are_rejected(copy, run_in_process):
    """The settings that differ are named, and nothing is written."""
    options = [*OPTIONS, "--seed", "1", "--tolerance", "0.5", "-o", "lion", "-O", "other"]
    assert run_in_process(copy, "run", *options).returncode == 0
    result = run_in_process(copy, "merge", "whole", "other", "-O", "new")
    assert result.returncode == 2
    for difference in (
        "study seed (0 and 1)",
        "tolerance (none and 0.5)",
        "optimizer lion (only in the second)",
    ):
        assert difference in result.stderr
    assert not (copy / "new").exists()
    before = contents(copy / "merged")
    assert run_in_process(copy, "merge", "other", "-O", "merged").returncode == 2
    assert contents(copy / "merged") == before


def test_different_results_of_one_trial_are_rejected(copy, run_in_process):
    """The message names both files, the trial and the column, and nothing is written."""
    change_rows(copy / SHARDS[0], "final_theta", lambda theta: [value + 1 for value in theta])
    result = run_in_process(copy, "merge", SHARDS[0], "whole", "-O", "new")
    assert result.returncode == 2
    assert f"{SHARDS[0]}/trials/" in result.stderr
    assert "in the column final_theta" in result.stderr
    assert "as two machines, or batches of different sizes, may compute" in result.stderr
    assert not (copy / "new").exists()


@pytest.mark.parametrize("is_first", [True, False])
def test_a_result_replaces_a_failure(copy, run_in_process, is_first):
    """The order of the folders does not matter."""
    change_rows(copy / SHARDS[0], "status", lambda status: "crashed")
    folders = [SHARDS[0], "whole"] if is_first else ["whole", SHARDS[0]]
    result = run_in_process(copy, "merge", *folders, "-O", "new")
    assert result.returncode == 0, result.stderr
    assert repr(rows(copy / "new")) == repr(rows(copy / "whole"))


def test_logs_are_copied_once(copy, run_in_process):
    """Another log of the same name gets a number."""
    for shard, text in zip(SHARDS, ("a", "a", "b", "c"), strict=True):
        (copy / shard / "logs").mkdir()
        (copy / shard / "logs" / "one.log").write_text(text)
    for _ in range(2):
        assert run_in_process(copy, "merge", *SHARDS, "-O", "merged").returncode == 0
    logs = {file.name: file.read_text() for file in (copy / "merged" / "logs").iterdir()}
    assert logs == {"one.log": "a", "one-2.log": "b", "one-3.log": "c"}


def test_a_link_is_not_copied(copy, run_in_process):
    """A folder from somebody else reads no file outside it."""
    (copy / "secret").write_text("secret")
    (copy / SHARDS[0] / "logs").mkdir()
    (copy / SHARDS[0] / "logs" / "one.log").symlink_to(copy / "secret")
    result = run_in_process(copy, "merge", *SHARDS, "-O", "new")
    assert result.returncode == 0
    assert "one.log is not copied: it is a symbolic link" in result.stderr
    assert not (copy / "new" / "logs").exists()


def test_different_environments_have_a_warning(copy, run_in_process):
    """Plans do not contain the version of torch."""
    (environment,) = (copy / SHARDS[0] / "environments").iterdir()
    environment.write_text(json.dumps(json.loads(environment.read_text()) | {"torch": "2.99"}))
    result = run_in_process(copy, "merge", *SHARDS, "-O", "new")
    assert result.returncode == 0
    assert "warning: the trials ran in different environments (torch 2.99 and " in result.stderr
    assert "different environments" not in run_in_process(copy, "merge", *SHARDS[1:], "-O", "old").stderr


def test_a_shard_is_completed_to_the_study(copy, run_in_process):
    """Without --shard, the same folder becomes that of all pairings."""
    result = run_in_process(copy, "run", *OPTIONS, "-O", SHARDS[0])
    assert result.returncode == 0, result.stderr
    assert "shard" not in result.stdout
    assert repr(rows(copy / SHARDS[0])) == repr(rows(copy / "whole"))


def test_shards_are_merged_into_one_of_them(copy, run_in_process):
    """Its reports move to its attic once, and a line says so."""
    result = run_in_process(copy, "merge", *SHARDS[1:], "-O", SHARDS[0])
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("held another plan") == 1
    assert len(list((copy / SHARDS[0] / "attic").iterdir())) == 1
    assert repr(rows(copy / SHARDS[0])) == repr(rows(copy / "whole"))


def test_a_missing_folder_exits_with_3(folder, run_in_process):
    """The error names it."""
    result = run_in_process(folder, "merge", "nowhere", "-O", "new")
    assert result.returncode == 3
    assert "nowhere" in result.stderr


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize(("shard", "message"), [("7/7", "at most 6 shards"), ("0/2", "shard is '0/2'")])
def test_a_shard_that_does_not_exist_exits_with_2(folder, run_in_process, command, shard, message):
    """Nothing runs."""
    result = run_in_process(folder, command, *OPTIONS, "--shard", shard)
    assert result.returncode == 2
    assert message in result.stderr


def test_a_shard_runs_from_python(tmp_path, monkeypatch):
    """Its folder has its name, and its results say which share they are."""
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
    options = {"preset": "quick", "steps": 30, "seeds": 2, "tracks": ["default"], "executor": "serial"}
    study = benchbed.run(problems=["quadratic"], optimizers=["gd", "adam"], shard="2/2", **options)
    assert study.path == Path("results/quick-2-of-2")
    assert study.results.share == Share(number=2, shards=2, pairings=1, all_pairings=2)
    assert study.lost == 0


def test_the_plans_of_shards_add_up(folder, run_in_process):
    """`benchbed plan` counts the trials of the shard."""
    plans = [["--shard", f"{number}/4"] for number in range(1, 5)]
    costs = [
        json.loads(run_in_process(folder, "plan", *OPTIONS, "--no-time", "--format", "json", *plan).stdout)
        for plan in [[], *plans]
    ]
    trials = [cost["together"]["trials"] for cost in costs]
    assert sum(trials[1:]) == trials[0]
    assert [cost["shard"] for cost in costs] == [None, "1/4", "2/4", "3/4", "4/4"]
