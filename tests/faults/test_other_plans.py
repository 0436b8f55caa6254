"""A study folder shows the plan at hand: reports of another plan, or not drawn any more, are in its attic."""

import json
import shutil
from pathlib import Path

import pytest

import benchbed
from benchbed.store import StudyFolder

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_report_a_place")]

QUICK = ["--preset", "quick", "--track", "default", "--steps", "30", "--seeds", "2", "-O", "study"]
FIRST = ["run", "-p", "quadratic", "-p", "quartic", "-o", "gd", "-o", "adam", *QUICK]
SECOND = ["run", "-p", "quadratic", "-o", "gd", "-o", "momentum", *QUICK, "--steps", "40"]
STORE = {"trials", "environments", "attic", "logs", "set-aside"}
REPORTS = """
import os
from benchbed.hookspecs import hookimpl


class Report:
    def __init__(self, name):
        self.name = name

    def pieces(self, results):
        return os.environ.get("PIECES", "one two").split()

    def draw(self, results, piece):
        if piece == os.environ.get("FAILING"):
            raise ValueError("cannot draw")
        name = os.environ.get("FILE") or f"{self.name}/{piece}.txt"
        return {name: f"{len(results.optimizers)} {piece}".encode()}


@hookimpl
def register_reports(register):
    register(Report("first"))
    register(Report("second"))
"""
PLUGIN_RUN = ["run", "-p", "quadratic", "-o", "gd", *QUICK, "--plugin", "reports.py"]


def shown(folder):
    """Return the content of all files of a study folder that are not in its store, by path."""
    paths = [
        path for path in folder.rglob("*") if path.is_file() and path.name not in (".lock", "reports.json")
    ]
    names = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return {name: content for name, content in names.items() if name.partition("/")[0] not in STORE}


def attic(folder):
    """Return the content of all files in the attic, by their paths below its only folder."""
    (stamped,) = (folder / "attic").iterdir()
    return {
        path.relative_to(stamped).as_posix(): path.read_bytes()
        for path in stamped.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def first(run_in_process, run_once):
    """Return the folder of a study with tables and plots."""
    return run_once("first-plan", lambda folder: run_in_process(folder, *FIRST, plots=True)) / "study"


@pytest.fixture(scope="module")
def second(first, run_in_process, run_once):
    """Return the folder in which another plan ran, and what it printed on stderr."""

    def fill(folder):
        shutil.copytree(first, folder / "study")
        (folder / "study" / "notes.txt").write_text("mine")
        (folder / "study" / "plots" / "mine.png").write_text("mine")
        result = run_in_process(folder, *SECOND, plots=True)
        (folder / "stderr").write_text(f"{result.returncode}\n{result.stderr}")

    folder = run_once("second-plan", fill)
    return folder / "study", (folder / "stderr").read_text()


def test_a_line_says_that_the_folder_held_another_plan(second):
    """It names the folder with the old files."""
    folder, errors = second
    (stamped,) = (folder / "attic").iterdir()
    code, *lines = errors.splitlines()
    assert code == "0"
    line = f"study held another plan; its reports are in study/attic/{stamped.name} now, and its trials stay stored"
    assert lines == [f"warning: {line}"]


def test_the_folder_shows_what_the_new_plan_draws(second, run_in_process, tmp_path):
    """It contains the files of a study in a new folder, and the user's own."""
    folder, _ = second
    assert run_in_process(tmp_path, *SECOND, plots=True).returncode == 0
    own = {"notes.txt", "plots/mine.png"}
    assert set(shown(folder)) - own == set(shown(tmp_path / "study"))
    assert own <= set(shown(folder))
    for name in ("summary.csv", "plan.json", "suite.toml"):
        assert shown(folder)[name] == shown(tmp_path / "study")[name]


def test_the_attic_contains_all_reports_of_the_old_plan(first, second):
    """They are equal byte for byte, with plan and suite."""
    folder, _ = second
    assert attic(folder) == shown(first)


def test_trials_of_the_old_plan_stay_stored_but_are_not_shown(first, second):
    """`load` returns those of the new plan."""
    folder, _ = second
    old = set(StudyFolder(first).read_trials()["trial_key"].to_pylist())
    assert old < set(StudyFolder(folder).read_trials()["trial_key"].to_pylist())
    trials = benchbed.load(folder).trials
    assert set(trials["problem"]) == {"quadratic"}
    assert set(trials["budget"]) == {40}
    assert len(trials) == len(trials["trial_key"].unique()) == 4


def test_the_old_plan_returns_without_running_again(first, second, run_in_process, tmp_path):
    """Its tables are equal to the bit; the attic keeps both plans."""
    shutil.copytree(second[0], tmp_path / "study")
    result = run_in_process(tmp_path, *FIRST, plots=True)
    assert result.returncode == 0
    assert shown(tmp_path / "study")["summary.csv"] == shown(first)["summary.csv"]
    parts = sorted(path.name for path in (tmp_path / "study" / "trials").iterdir())
    assert parts == sorted(path.name for path in (second[0] / "trials").iterdir())
    assert len(list((tmp_path / "study" / "attic").iterdir())) == 2


def test_the_same_plan_moves_nothing(first, run_in_process, tmp_path):
    """Neither a second run nor a report creates an attic."""
    shutil.copytree(first, tmp_path / "study")
    for command, line in (
        (FIRST, "nothing had to run: all 8 trials were stored before"),
        (["report", "study"], ""),
    ):
        result = run_in_process(tmp_path, *command, plots=True)
        assert (result.returncode, result.stderr.partition(";")[0]) == (0, line)
    assert not (tmp_path / "study" / "attic").exists()
    assert set(shown(tmp_path / "study")) == set(shown(first))


def test_reports_of_another_plan_move_before_its_trials_run(first, run_benchbed, tmp_path):
    """A driver that is killed while it runs trials leaves no table beside a plan that it does not show."""
    shutil.copytree(first, tmp_path / "study")
    result = run_benchbed(
        tmp_path, *SECOND, "-j", "1",
        shell='"$@" & while ! grep -q momentum study/plan.json 2> /dev/null; do sleep 0.02; done; kill -9 $!; wait',
    )  # fmt: skip
    assert result.returncode in (0, 137)
    remaining = {name for name in shown(tmp_path / "study") if not name.endswith(".partial")}
    assert remaining <= {"plan.json", "suite.toml"}
    assert "tables/summary.md" in attic(tmp_path / "study")


def test_a_folder_without_a_record_of_its_reports_is_searched(first, run_in_process, tmp_path):
    """Tables and plots in the usual places move, also if a part of the record is missing."""
    shutil.copytree(first, tmp_path / "study")
    (tmp_path / "study" / "reports.json").unlink()
    assert run_in_process(tmp_path, *SECOND, plots=True).returncode == 0
    assert attic(tmp_path / "study") == shown(first)


def test_a_damaged_plan_counts_as_another(first, run_in_process, tmp_path):
    """Nobody knows which plan the tables show."""
    shutil.copytree(first, tmp_path / "study")
    (tmp_path / "study" / "plan.json").write_text("{")
    result = run_in_process(tmp_path, *FIRST, plots=True)
    assert result.returncode == 0
    assert "study held another plan" in result.stderr
    assert attic(tmp_path / "study")["plan.json"] == b"{"
    assert set(shown(tmp_path / "study")) == set(shown(first))


def test_a_clock_set_back_leaves_both_plans_in_the_attic(first, run_in_process, tmp_path):
    """Two plans in one second have folders of their own."""
    shutil.copytree(first, tmp_path / "study")
    for year in range(2000, 2060):
        (tmp_path / "study" / "attic" / f"{year}0101T000000Z").mkdir(parents=True)
    before = set((tmp_path / "study" / "attic").iterdir())
    for command in (SECOND, FIRST, SECOND):
        assert run_in_process(tmp_path, *command).returncode == 0
    assert len(set((tmp_path / "study" / "attic").iterdir()) - before) == 3


@pytest.fixture(scope="module")
def reported(run_in_process, run_once):
    """Return a folder with a study with two third-party reports, and their plugin."""

    def fill(folder):
        (folder / "reports.py").write_text(REPORTS)
        result = run_in_process(folder, *PLUGIN_RUN)
        assert (result.returncode, result.stderr) == (0, "")

    return run_once("with-reports", fill)


@pytest.fixture
def with_reports(reported, run_in_process, tmp_path):
    """Return a function that runs or reports a copy of this study, and returns stderr."""
    shutil.copytree(reported, tmp_path, dirs_exist_ok=True)

    def run(*arguments, **environment):
        result = run_in_process(tmp_path, *arguments, **environment)
        assert result.returncode == 0, result.stderr
        return result.stderr

    return run


def plugin_files():
    """Return the files of the two third-party reports in the study of the working directory."""
    return sorted(name for name in shown(Path("study")) if name.startswith(("first/", "second/")))


def test_a_piece_that_fails_leaves_no_file_as_if_it_were_new(with_reports):
    """The old file is in the attic; the other pieces stay."""
    errors = with_reports("report", "study", "--plugin", "reports.py", FAILING="two")
    assert errors.count("could not draw") == 2
    assert "moved files that are not drawn any more to study/attic/" in errors
    assert plugin_files() == ["first/one.txt", "second/one.txt"]
    assert set(attic(Path("study"))) == {"first/two.txt", "second/two.txt"}


def test_a_piece_that_does_not_exist_any_more_moves(with_reports):
    """A report may draw fewer files than before."""
    with_reports("report", "study", "--plugin", "reports.py", PIECES="two")
    assert plugin_files() == ["first/two.txt", "second/two.txt"]


def test_one_report_moves_only_its_own_files(with_reports):
    """The files of the other report stay, although they would not be drawn any more."""
    with_reports("report", "study", "--plugin", "reports.py", "--only", "first", PIECES="one")
    assert plugin_files() == ["first/one.txt", "second/one.txt", "second/two.txt"]


def test_a_report_without_its_plugin_moves_no_file(with_reports):
    """The files show the same plan."""
    assert with_reports("report", "study") == ""
    assert len(plugin_files()) == 4


def test_files_of_a_plugin_move_with_another_plan(with_reports):
    """Also those outside `tables` and `plots`, and without the plugin."""
    with_reports(*PLUGIN_RUN[:-2], "--steps", "20")
    assert plugin_files() == []
    assert "first/one.txt" in attic(Path("study"))


@pytest.mark.parametrize(
    "name",
    ["../outside", "/tmp/benchbed-outside", "trials/000001-x.parquet", "plan.json", "PLAN.JSON", "a/../x", ".lock"],
)  # fmt: skip
def test_a_report_writes_neither_outside_nor_into_the_store(name, with_reports):
    """The warning names the report; everything else is written."""
    before = set(shown(Path("study"))), set(Path().iterdir())
    parts = {path.name: path.read_bytes() for path in Path("study/trials").iterdir()}
    errors = with_reports("report", "study", "--plugin", "reports.py", "--only", "first", FILE=name)
    assert "could not draw first of one: it must not write the file" in errors
    assert {path.name: path.read_bytes() for path in Path("study/trials").iterdir()} == parts
    assert set(shown(Path("study"))) <= before[0]
    assert set(Path().iterdir()) == before[1]
    assert not Path("/tmp/benchbed-outside").exists()


def test_two_reports_cannot_write_one_file(with_reports):
    """Neither if the names differ in case only, as some file systems do not distinguish them."""
    errors = with_reports("report", "study", "--plugin", "reports.py", FILE="plots/x.txt", PIECES="one")
    assert "the file 'plots/x.txt' was already written by" in errors


def test_a_record_that_names_files_outside_moves_none(with_reports, tmp_path):
    """The folder may come from somebody else."""
    (tmp_path / "outside.txt").write_text("mine")
    record = json.loads(Path("study/reports.json").read_text())
    record["files"]["first"] += ["../outside.txt", str(tmp_path / "outside.txt"), "trials", "plan.json"]
    Path("study/reports.json").write_text(json.dumps(record))
    with_reports(*PLUGIN_RUN[:-2], "--steps", "20")
    assert (tmp_path / "outside.txt").read_text() == "mine"
    assert Path("study/trials").is_dir()
