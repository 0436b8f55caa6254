"""A plugin that changes its process, or what it returns, changes no other results."""

import json
from pathlib import Path

import pytest

from benchbed.interfaces import FINAL_STATUSES

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parent / "plugins" / "meddling.py"
OTHERS = ["-p", "quadratic", "-o", "gd", "-o", "adam", "--track", "default"]
PATCHES = ["patches-torch", "patches-numpy", "patches-json"]
OTHER_ROWS = ["returns-other-rows", "returns-rows-twice", "returns-no-rows", "returns-no-table"]
LEFT_BEHIND = [
    "leaves-timer", "leaves-handler", "leaves-thread", "leaves-daemons", "changes-environment", "sets-limits",
    "changes-modes",
]  # fmt: skip
ENDINGS = ["closes-files", "kills-its-group", "kills-its-parent", "exits-in-update"]
MEDDLERS = [*PATCHES, *OTHER_ROWS, *LEFT_BEHIND, *ENDINGS, "kills-the-server-once"]


@pytest.fixture(scope="module")
def folder(run_benchbed, run_in_process, run_once, faulty_run, remaining_processes):
    """Run a study with all meddlers and one without them."""

    def fill(folder):
        # With one job, the same process would run the other pairings afterwards.
        arguments = [*faulty_run, "--plugin", PLUGIN, "-j", "1", "--timeout", "60"]
        environment = {"BENCHBED_TEST_GATE": folder}
        meddlers = [argument for name in MEDDLERS for argument in ("-o", name)]
        result = run_benchbed(folder, *arguments, *meddlers, *OTHERS, "-O", "with", **environment)
        without = run_in_process(folder, *arguments, *OTHERS, "-O", "without")
        assert (result.returncode, without.returncode) == (1, 0), result.stderr[-4000:]
        observations = {"remaining": remaining_processes(folder), "stderr": result.stderr}
        (folder / "observations.json").write_text(json.dumps(observations))

    return run_once("meddling", fill)


@pytest.fixture(scope="module")
def studies(folder, rows):
    """Return the rows of each study."""
    return {name: rows(folder / name) for name in ("with", "without")}


@pytest.fixture(scope="module")
def rows_by_optimizer(studies):
    """Return the rows of the study with all meddlers by optimizer."""
    optimizers = {row["optimizer"] for row in studies["with"]}
    return {name: [row for row in studies["with"] if row["optimizer"] == name] for name in optimizers}


def test_other_trials_are_equal_to_the_bit(studies):
    """They are those of a study without the meddlers."""
    others = [row for row in studies["with"] if row["optimizer"] in ("gd", "adam")]
    assert len(others) == 4
    assert json.dumps(others) == json.dumps(studies["without"])


def test_every_trial_has_one_row(rows_by_optimizer):
    """Also those of plugins that return none, or those of other trials."""
    assert {name: sorted(row["seed"] for row in rows) for name, rows in rows_by_optimizer.items()} == {
        name: [0, 1] for name in ["gd", "adam", *MEDDLERS]
    }


@pytest.mark.parametrize("name", OTHER_ROWS)
def test_a_plugin_that_changes_what_is_returned_has_failed(name, rows_by_optimizer):
    """The driver asked for other trials; the reason is in the row."""
    for row in rows_by_optimizer[name]:
        assert row["status"] == "failed"
        assert "the process" in row["error"]
        assert "returned" in row["error"]


@pytest.mark.parametrize(
    ("name", "functions"), [("patches-torch", "torch.Tensor.sqrt"), ("patches-numpy", "numpy.diff")]
)
def test_a_plugin_that_replaces_functions_of_a_library_has_failed(name, functions, rows_by_optimizer):
    """Its own numbers are not those of the library; the row has the name of the function and of the plugin."""
    for row in rows_by_optimizer[name]:
        assert row["status"] == "failed"
        assert f"a plugin (meddling) replaces {functions}" in row["error"]


@pytest.mark.parametrize("name", ENDINGS)
def test_a_plugin_that_ends_its_process_has_crashed(name, rows_by_optimizer):
    """An exit with code 0 is not a result either."""
    assert [row["status"] for row in rows_by_optimizer[name]] == ["crashed", "crashed"]


def test_the_row_of_a_crash_says_how_the_process_ended(rows_by_optimizer):
    """The code or the signal is in the error."""
    assert "the process exited with code 0" in rows_by_optimizer["exits-in-update"][0]["error"]
    assert "the process was killed by SIGKILL" in rows_by_optimizer["kills-its-group"][0]["error"]


@pytest.mark.parametrize("name", ["leaves-daemons", "changes-environment"])
def test_a_plugin_that_leaves_something_behind_has_its_own_result(name, rows_by_optimizer):
    """Its process ends with its pairing, and all that it left with it."""
    assert {row["status"] for row in rows_by_optimizer[name]} <= FINAL_STATUSES


def test_no_process_remains(folder):
    """Daemons of a plugin end with its process."""
    assert json.loads((folder / "observations.json").read_text())["remaining"] == []


def test_the_death_of_the_server_is_not_an_attempt(rows_by_optimizer):
    """The batch runs again in a process of a new server."""
    for row in rows_by_optimizer["kills-the-server-once"]:
        assert row["status"] in FINAL_STATUSES
        assert row["attempt"] == 1
