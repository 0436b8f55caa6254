"""Trials that need more memory than `--memory` allows: they are out_of_memory, and all others have their results."""

from pathlib import Path

import pytest

import benchbed

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).with_name("plugins") / "hoarding.py"
OPTIMIZERS = ["hoards", "allocates-a-terabyte", "fills-by-lane", "gd"]
LIMIT = 1 << 30


@pytest.fixture(scope="module")
def study(run_benchbed, run_once):
    """Run them with a limit of 1 GiB and return the study."""

    def fill(folder):
        optimizers = [argument for name in OPTIMIZERS for argument in ("-o", name)]
        options = ["--preset", "quick", "--steps", "5", "--seeds", "8", "--track", "default", "-j", "1"]
        result = run_benchbed(
            folder, "run", "--plugin", PLUGIN, "-p", "quadratic", *optimizers, *options,
            "--memory", "1G", "-O", "study",
        )  # fmt: skip
        assert result.returncode == 1, result.stderr
        assert "16 trials out of memory" in result.stderr
        assert "see the column `error` of the trials and the folder logs/\n" in result.stderr

    return benchbed.load(run_once("memory-limits", fill) / "study")


def trials_of(study, name):
    return study.trials[study.trials["optimizer"] == name]


def test_an_optimizer_that_allocates_without_end_is_out_of_memory(study):
    """The rows have the memory at which the process was ended, and the log says why."""
    trials = trials_of(study, "hoards")
    assert set(trials["status"]) == {"out_of_memory"}
    assert (trials["peak_bytes"] > LIMIT).all()
    assert (trials["peak_bytes"] < 2 * LIMIT).all()
    assert all("more than the limit of 1 GiB" in error for error in trials["error"])
    assert (
        "more than the limit of 1073741824"
        in (study.path / "logs" / "quadratic-hoards-evaluation.log").read_text()
    )


def test_an_allocation_that_fails_is_out_of_memory(study):
    """The error contains the number of bytes, and the log the line of the plugin."""
    trials = trials_of(study, "allocates-a-terabyte")
    assert set(trials["status"]) == {"out_of_memory"}
    assert all("tried to allocate" in error for error in trials["error"])
    assert (
        "hoarding.py" in (study.path / "logs" / "quadratic-allocates-a-terabyte-evaluation.log").read_text()
    )


def test_a_batch_that_needs_too_much_is_divided(study):
    """Eight trials need 960 MB beside the 300 MB of the process, and its parts fit: none had more at any time."""
    trials = trials_of(study, "fills-by-lane")
    assert set(trials["status"]) <= {"exhausted", "solved"}
    assert (trials["peak_bytes"] <= LIMIT).all()
    assert set(trials["batch_trials"]) == {8}


def test_an_ordinary_optimizer_has_its_results(study):
    """Its rows have the memory of the process."""
    trials = trials_of(study, "gd")
    assert set(trials["status"]) <= {"exhausted", "solved"}
    assert trials["peak_bytes"].between(100e6, LIMIT).all()


def test_a_failed_allocation_of_the_driver_itself_is_out_of_memory(tmp_path, run_in_process):
    """The executor `serial` has no child processes."""
    options = ["--preset", "quick", "--steps", "5", "--seeds", "2", "--track", "default", "-O", "study"]
    result = run_in_process(
        tmp_path, "run", "--plugin", PLUGIN, "-p", "quadratic", "-o", "allocates-a-terabyte", *options,
        "--executor", "serial",
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    assert "2 trials out of memory" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--memory", "4"], "at least 512 MiB, such as 4G"),
        (["--memory", "1M"], "at least 512 MiB, such as 4G"),
        (
            ["--memory", "2G", "--executor", "serial"],
            "executor 'serial' runs batches in this process, whose memory has no limit; omit --memory",
        ),
    ],
)
def test_an_impossible_limit_exits_with_2(tmp_path, run_in_process, options, message):
    """Nothing is written."""
    result = run_in_process(tmp_path, "run", "-p", "quadratic", "-o", "gd", *options, "-O", "study")
    assert result.returncode == 2
    assert message in result.stderr
    assert not (tmp_path / "study").exists()


def test_a_limit_is_rejected_by_any_executor_of_this_process(tmp_path, run_benchbed):
    """Also by that of a plugin, before an old study is renamed."""
    (tmp_path / "here.py").write_text(
        "from benchbed.executors import SerialExecutor\nfrom benchbed.hookspecs import hookimpl\n\n\n"
        "@hookimpl\ndef register_executors(register):\n    register(lambda jobs: SerialExecutor(), name='here')\n"
    )
    (tmp_path / "study").mkdir()
    options = ["--plugin", "here.py", "--executor", "here", "--memory", "2G", "--fresh", "-O", "study"]
    result = run_benchbed(tmp_path, "run", "-p", "quadratic", "-o", "gd", *options)
    assert (result.returncode, result.stderr) == (
        2,
        "error: executor 'here' runs batches in this process, whose memory has no limit; omit --memory\n",
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here.py", "study"]
