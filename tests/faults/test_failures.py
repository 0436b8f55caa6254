"""Rows 1, 2 and 5 to 8: what raises, exits or dies leaves a row that says so, and harms nobody else."""

import json

import pytest

import benchbed

pytestmark = pytest.mark.slow

RAISING = ["raises", "raises-stubborn", "raises-in-colour", "recurses", "exits"]
UNCATCHABLE = ["raises-strange", "raises-interrupt"]
DYING = ["exits-hard", "kills-itself", "segfaults"]


@pytest.fixture(scope="module")
def ran(bench, once, misdeeds):
    """Run a healthy optimizer among all those that fail."""

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
        asked = ["-p", "quadratic", *optimizers, "--track", "default", "--format", "json", "-O", "study"]
        result = bench(folder, *misdeeds, *asked, BENCHBED_TEST_GATE=folder)
        (folder / "code").write_text(str(result.returncode))
        (folder / "stdout").write_text(result.stdout)
        (folder / "stderr").write_text(result.stderr)

    return once("failures", fill)


@pytest.fixture(scope="module")
def trials(ran):
    """Give a function that gives the stored rows of an optimizer."""
    everything = benchbed.load(ran / "study").trials
    return lambda name: everything[everything["optimizer"] == name]


@pytest.fixture(scope="module")
def log(ran):
    """Give a function that reads what the child of an optimizer left."""
    return lambda name: (ran / "study" / "logs" / f"quadratic-{name}-evaluation.log").read_text()


def test_trials_without_a_result_exit_with_1(ran):
    """Whoever only looks at the exit code learns that something is missing."""
    assert (ran / "code").read_text() == "1"


@pytest.mark.parametrize("name", ["gd", "adam", "floods"])
def test_healthy_optimizers_complete_beside_faults(name, trials):
    """Before and behind the faults, every trial has its result."""
    assert list(trials(name)["status"]) == ["exhausted", "exhausted"]


@pytest.mark.parametrize("name", [*RAISING, *UNCATCHABLE, "answers-nonsense"])
def test_what_raises_has_failed(name, trials):
    """There is one row for every planned trial, `exits` with code 0 included."""
    assert list(trials(name)["status"]) == ["failed", "failed"]
    assert list(trials(name)["seed"]) == [0, 1]


@pytest.mark.parametrize("name", RAISING)
def test_the_curve_is_kept_up_to_the_fault(name, trials):
    """Five steps were good: six points are measured."""
    for curve in trials(name)["curve_calls"]:
        assert list(curve) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("raises", "ValueError: this optimizer raises"),
        ("raises-stubborn", "StubbornError: cannot be unpickled"),
        ("raises-strange", "StrangeError: not an Exception"),
        ("raises-interrupt", "KeyboardInterrupt"),
        ("recurses", "RecursionError"),
        ("exits", "SystemExit: 0"),
        ("answers-nonsense", "'str' object has no attribute"),
    ],
)
def test_the_traceback_is_in_the_row(name, text, trials):
    """The error ends in what was raised, and shows the plugin's own line."""
    for error in trials(name)["error"]:
        assert text in error
        assert "Traceback" in error


def test_text_that_cannot_be_encoded_is_stored_escaped(trials):
    """An error's text is anyone's; a lone surrogate in it loses neither the row nor the curve."""
    for error in trials("raises-in-colour")["error"]:
        assert "<script>alert(1)</script>=cmd()" in error
        assert error.rstrip().endswith("\\udcff")


@pytest.mark.parametrize("name", DYING)
def test_what_dies_twice_has_crashed(name, trials):
    """A lost process is tried once more, and then it is the plugin's fault."""
    assert list(trials(name)["status"]) == ["crashed", "crashed"]
    assert list(trials(name)["attempt"]) == [2, 2]


def test_what_dies_once_gets_its_result(trials):
    """A crash that does not repeat costs nothing but the second attempt."""
    assert list(trials("dies-once")["status"]) == ["exhausted", "exhausted"]
    assert list(trials("dies-once")["attempt"]) == [2, 2]


@pytest.mark.parametrize("name", DYING)
def test_the_row_of_a_crash_names_its_log(name, trials, log):
    """The file that the error names is there."""
    assert f"quadratic-{name}-evaluation.log" in trials(name)["error"].iloc[0]
    assert isinstance(log(name), str)


def test_a_segmentation_fault_leaves_its_stack(log):
    """The log shows in which function it happened."""
    assert "Segmentation fault" in log("segfaults")
    assert "misdeeds.py" in log("segfaults")


def test_standard_output_holds_nothing_but_the_product(ran):
    """A plugin that floods both Python's stdout and the descriptor does not get into the JSON."""
    summary = json.loads((ran / "stdout").read_text())["summary"]
    assert len(summary) == 15


def test_no_traceback_of_our_own_is_shown(ran):
    """What a plugin raised is stored; stderr shows that something is missing."""
    errors = (ran / "stderr").read_text()
    assert "Traceback" not in errors
    assert "error: 22 trials have no result" in errors


def test_every_fault_counts_in_the_summary(ran):
    """Each row says how many of its trials ended in which way."""
    summary = {row["optimizer"]: row for row in json.loads((ran / "stdout").read_text())["summary"]}
    assert summary["raises"]["failed"] == 2
    assert summary["kills-itself"]["crashed"] == 2
    assert summary["gd"]["exhausted"] == 2


@pytest.mark.parametrize(
    ("name", "status"), [("raises-for-thirteen", "failed"), ("dies-for-thirteen", "crashed")]
)
def test_only_the_guilty_setting_is_lost(name, status, ran_settings):
    """The batch is halved until the setting that raises, or kills, stands alone."""
    trials = ran_settings[ran_settings["optimizer"] == name]
    lost = trials["status"] == status
    rates = trials["hyperparameters"].map(lambda text: json.loads(text)["learning_rate"])
    assert set(rates[lost]) == {13.0}
    assert set(rates[~lost]) == {0.1, 0.2, 0.3, 0.4}
    assert set(trials["status"][~lost]) == {"exhausted"}


def test_tasks_that_an_executor_loses_have_failed(bench_here, misdeeds, tmp_path):
    """Whatever is raised by those who run the batches, every planned trial gets its row; nothing raises here."""
    asked = ["-p", "quadratic", "-o", "gd", "--track", "default", "--executor", "gives-up", "-O", "study"]
    result = bench_here(tmp_path, *misdeeds, *asked, plots=True)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    trials = benchbed.load("study").trials
    assert list(trials["status"]) == ["failed", "failed"]
    assert trials["error"].str.contains("the cluster is gone").all()


@pytest.fixture(scope="module")
def ran_settings(bench, once, misdeeds):
    """Run five settings, one of which is guilty, of two optimizers, and one that diverges."""

    def fill(folder):
        rates = "[learning_rate=[0.1, 0.2, 13, 0.3, 0.4]]"
        optimizers = ["-o", f"raises-for-thirteen{rates}", "-o", f"dies-for-thirteen{rates}"]
        asked = ["-p", "quadratic", *optimizers, "--track", "default", "-O", "study"]
        assert bench(folder, *misdeeds, *asked).returncode == 1

    return benchbed.load(once("settings", fill) / "study").trials
