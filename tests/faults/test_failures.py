"""A plugin that raises, exits or dies leads to rows of its own and to no others."""

import json

import pytest

import benchbed

pytestmark = pytest.mark.slow

RAISING = ["raises", "raises-stubborn", "raises-in-colour", "recurses", "exits"]
UNCATCHABLE = ["raises-strange", "raises-interrupt"]
DYING = ["exits-hard", "kills-itself", "segfaults"]


@pytest.fixture(scope="module")
def ran(run_benchbed, run_once, faulty_run):
    """Run healthy optimizers among all those that fail."""

    def fill(folder):
        names = [
            "gd",
            *RAISING,
            *UNCATCHABLE,
            *DYING,
            "dies-once",
            "answers-nonsense",
            "floods",
            "adam",
        ]
        optimizers = [argument for name in names for argument in ("-o", name)]
        options = ["-p", "quadratic", *optimizers, "--track", "default", "--format", "json", "-O", "study"]
        result = run_benchbed(folder, *faulty_run, *options, BENCHBED_TEST_GATE=folder)
        (folder / "code").write_text(str(result.returncode))
        (folder / "stdout").write_text(result.stdout)
        (folder / "stderr").write_text(result.stderr)

    return run_once("failures", fill)


@pytest.fixture(scope="module")
def trials(ran):
    """Return a function that returns the stored rows of an optimizer."""
    everything = benchbed.load(ran / "study").trials
    return lambda name: everything[everything["optimizer"] == name]


@pytest.fixture(scope="module")
def log(ran):
    """Return a function that returns the log of an optimizer's worker process."""
    return lambda name: (ran / "study" / "logs" / f"quadratic-{name}-evaluation.log").read_text()


def test_trials_without_a_result_exit_with_1(ran):
    """The exit code alone shows that results are missing."""
    assert (ran / "code").read_text() == "1"


@pytest.mark.parametrize("name", ["gd", "adam", "floods"])
def test_healthy_optimizers_complete_beside_faults(name, trials):
    """All their trials have results, before and after the faults."""
    assert list(trials(name)["status"]) == ["exhausted", "exhausted"]


@pytest.mark.parametrize("name", [*RAISING, *UNCATCHABLE, "answers-nonsense"])
def test_an_optimizer_that_raises_has_failed(name, trials):
    """Every planned trial has a row, even if the plugin exits with code 0."""
    assert list(trials(name)["status"]) == ["failed", "failed"]
    assert sorted(trials(name)["seed"]) == [0, 1]


@pytest.mark.parametrize("name", RAISING)
def test_the_curve_before_the_fault_is_stored(name, trials):
    """Five good steps make six points."""
    for curve in trials(name)["curve_calls"]:
        assert list(curve) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("raises", "ValueError: this optimizer raises"),
        ("raises-stubborn", "UnpicklableError: cannot be unpickled"),
        ("raises-strange", "UncaughtError: not an Exception"),
        ("raises-interrupt", "KeyboardInterrupt"),
        ("recurses", "RecursionError"),
        ("exits", "SystemExit: 0"),
        ("answers-nonsense", "'str' object has no attribute"),
    ],
)
def test_the_traceback_is_in_the_row(name, text, trials):
    """The error ends with the exception and shows the plugin's own line."""
    for error in trials(name)["error"]:
        assert text in error
        assert "Traceback" in error


def test_text_that_cannot_be_encoded_is_stored_escaped(trials):
    """A lone surrogate in an error message loses neither the row nor the curve."""
    for error in trials("raises-in-colour")["error"]:
        assert "<script>alert(1)</script>=cmd()" in error
        assert error.rstrip().endswith("\\udcff")


@pytest.mark.parametrize("name", DYING)
def test_an_optimizer_that_dies_twice_has_crashed(name, trials):
    """A crashed batch is tried once more."""
    assert list(trials(name)["status"]) == ["crashed", "crashed"]
    assert list(trials(name)["attempt"]) == [2, 2]


def test_an_optimizer_that_dies_once_has_a_result(trials):
    """The second attempt succeeds."""
    assert list(trials("dies-once")["status"]) == ["exhausted", "exhausted"]
    assert list(trials("dies-once")["attempt"]) == [2, 2]


@pytest.mark.parametrize("name", DYING)
def test_the_row_of_a_crash_names_its_log(name, trials, log):
    """The file in the error message exists."""
    assert f"quadratic-{name}-evaluation.log" in trials(name)["error"].iloc[0]
    assert isinstance(log(name), str)


def test_a_segmentation_fault_leaves_its_stack(log):
    """The log contains the function in which it happened."""
    assert "Segmentation fault" in log("segfaults")
    assert "faulty_plugin.py" in log("segfaults")


def test_stdout_contains_nothing_but_the_product(ran):
    """A plugin that prints to stdout and to its descriptor does not change the JSON."""
    summary = json.loads((ran / "stdout").read_text())["summary"]
    assert len(summary) == 15


def test_no_traceback_is_printed(ran):
    """Exceptions of plugins are stored; stderr has the number of missing results."""
    errors = (ran / "stderr").read_text()
    assert "Traceback" not in errors
    assert "error: 22 trials have no result" in errors


def test_every_fault_counts_in_the_summary(ran):
    """Each row has the number of its trials for each status."""
    summary = {row["optimizer"]: row for row in json.loads((ran / "stdout").read_text())["summary"]}
    assert summary["raises"]["failed"] == 2
    assert summary["kills-itself"]["crashed"] == 2
    assert summary["gd"]["exhausted"] == 2


@pytest.mark.parametrize(
    ("name", "status"), [("raises-for-thirteen", "failed"), ("dies-for-thirteen", "crashed")]
)
def test_only_the_failing_setting_is_lost(name, status, ran_settings):
    """The batch is split until the setting that raises or dies is alone."""
    trials = ran_settings[ran_settings["optimizer"] == name]
    lost = trials["status"] == status
    rates = trials["hyperparameters"].map(lambda text: json.loads(text)["learning_rate"])
    assert set(rates[lost]) == {13.0}
    assert set(rates[~lost]) == {0.1, 0.2, 0.3, 0.4}
    assert set(trials["status"][~lost]) == {"exhausted"}


def test_tasks_lost_by_an_executor_have_failed(run_in_process, faulty_run, tmp_path):
    """Every planned trial gets its row, although the executor raises."""
    options = ["-p", "quadratic", "-o", "gd", "--track", "default", "--executor", "gives-up", "-O", "study"]
    result = run_in_process(tmp_path, *faulty_run, *options, plots=True)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    trials = benchbed.load("study").trials
    assert list(trials["status"]) == ["failed", "failed"]
    assert trials["error"].str.contains("the cluster is gone").all()


@pytest.fixture(scope="module")
def ran_settings(run_benchbed, run_once, faulty_run):
    """Run five settings, one of which fails, of two optimizers."""

    def fill(folder):
        rates = "[learning_rate=[0.1, 0.2, 13, 0.3, 0.4]]"
        optimizers = ["-o", f"raises-for-thirteen{rates}", "-o", f"dies-for-thirteen{rates}"]
        options = ["-p", "quadratic", *optimizers, "--track", "default", "-O", "study"]
        assert run_benchbed(folder, *faulty_run, *options).returncode == 1

    return benchbed.load(run_once("settings", fill) / "study").trials
