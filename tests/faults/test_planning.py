"""A problem or optimizer whose planning raises, ends its process or hangs costs its own rows and no others."""

import json
from pathlib import Path

import pytest

import benchbed
from benchbed.interfaces import FINAL_STATUSES, TrialStatus
from benchbed.plan import Request
from benchbed.study.loading import open_catalog
from benchbed.study.planning import plan_request

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parent / "plugins" / "trap.py"
RAISED = "RuntimeError: the trap is shut (trap.py:"
ENDED = "planning it did not return: the process "
UNPLANNED = {
    "trap[place=building, fault=raise]": ("failed", RAISED),
    "trap[place=layout, fault=raise]": ("failed", RAISED),
    "trap[place=layout, fault=exit]": ("failed", "SystemExit: 0"),
    "trap[place=layout, fault=end]": ("crashed", f"{ENDED}exited with code 0"),
    "trap[place=targets, fault=crash]": ("crashed", f"{ENDED}was killed by SIGSEGV"),
    "trap[place=targets, fault=wrong]": ("failed", "its targets are (2.0,); they must decrease"),
    "trap[place=price, fault=wrong]": ("failed", "its full_price is nan; it must be samples / batch size"),
}
"""Problems that cannot be planned, not even as they are declared, with the status and error of their trials."""
DECLARED = {
    "trap[place=start, fault=end]": ("crashed", "the process exited with code 0"),
    "trap[place=data, fault=crash]": ("crashed", "the process was killed by SIGSEGV"),
    "trap[place=data, fault=exit]": ("failed", "SystemExit: 0"),
}
"""Problems that are planned as they are declared, so that their trials run and fail."""
HEALTHY = ["trap", "trap[place=optimum, fault=raise]"]


@pytest.fixture(scope="module")
def ran(run_benchbed, run_once):
    """Run two optimizers on all problems; return the folder."""

    def fill(folder):
        problems = [option for label in [*UNPLANNED, *DECLARED, *HEALTHY] for option in ("-p", label)]
        result = run_benchbed(
            folder, "run", "--plugin", PLUGIN, *problems, "-o", "gd", "-o", "trap-rule[fault=raise]", "--preset",
            *("quick", "--steps", "10", "--seeds", "1", "--track", "default", "-j", "2", "-O", "study"),
        )  # fmt: skip
        (folder / "result.json").write_text(json.dumps([result.returncode, result.stdout, result.stderr]))

    return run_once("planning", fill)


@pytest.fixture(scope="module")
def study(ran):
    """Return the study."""
    return benchbed.load(ran / "study")


@pytest.fixture(scope="module")
def rows_of(study):
    """Return a function that returns the rows of an optimizer on the problem with a label."""
    labels = {json.dumps(problem.parameters): problem.label for problem in study.plan.problems}
    trials = study.trials.assign(label=study.trials["problem_parameters"].map(labels))
    return lambda label, optimizer="gd": trials[
        (trials["label"] == label) & (trials["optimizer"] == optimizer)
    ]


@pytest.mark.parametrize(("label", "ending"), [*UNPLANNED.items(), *DECLARED.items()])
def test_a_problem_that_cannot_be_planned_has_its_rows(label, ending, rows_of):
    """One for each trial, with the reason."""
    status, error = ending
    rows = rows_of(label)
    assert list(rows["status"]) == [status]
    assert rows["error"].str.contains(error, regex=False).all()


@pytest.mark.parametrize("label", HEALTHY)
def test_the_others_have_results(label, rows_of):
    """The problem without an optimum has no score."""
    rows = rows_of(label)
    assert len(rows) == 1
    assert set(rows["status"]) <= FINAL_STATUSES


def test_an_optimizer_whose_factory_raises_has_its_rows(rows_of):
    """It is planned as its signature declares it."""
    rows = rows_of("trap", "trap-rule")
    assert list(rows["status"]) == ["failed"]
    assert "RuntimeError: the trap is shut" in rows["error"].iloc[0]


def test_the_command_has_failed_and_names_each_fault_once(ran):
    """In one line for all pairings with the same reason; all problems are in the summary."""
    code, stdout, stderr = json.loads((ran / "result.json").read_text())
    assert code == 1
    assert "Traceback" not in stderr
    assert (
        f"error: 2 trials crashed: trap[place=targets, fault=crash] × gd and 1 further pairing: {ENDED}was"
        in stderr
    )
    for label in UNPLANNED:
        assert stderr.count(f"warning: problem '{label}' of plugin 'trap'") == 1
        assert f"{label}: 10 calls" in stdout


def test_planning_that_hangs_has_timed_out():
    """The factory of an optimizer is then called with its defaults; the problem has no layout in any case."""
    catalog = open_catalog([PLUGIN])
    names = {"problems": ("trap[place=layout,fault=hang]",), "optimizers": ("trap-rule[fault=hang]",)}
    request = Request(**names, preset="quick", device="cpu")
    plan, warnings = plan_request(catalog, request, (str(PLUGIN),), timeout=2)
    assert len(warnings) == 2
    assert all("planning it took longer than the time limit of 2 s" in warning for warning in warnings)
    assert plan.problems[0].fault.status is TrialStatus.TIMED_OUT
    assert plan.pairings()[0].fault is plan.problems[0].fault


def test_a_plugin_file_that_is_edited_meanwhile_costs_its_own_rows(run_benchbed, tmp_path):
    """One differs in every process, and another is not Python any more when it is planned."""
    source = PLUGIN.with_name("edited.py").read_text()
    for name in ("edited", "spoiled"):
        (tmp_path / f"{name}.py").write_text(source)
    result = run_benchbed(
        tmp_path, "run", "--plugin", "edited.py", "--plugin", "spoiled.py", "-p", "quadratic", "-o", "gd",
        *("-o", "edited", "-o", "spoiled", "--preset", "quick", "--steps", "10", "--seeds", "1", "-O", "study"),
        *("--track", "default", "-j", "1"),
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    rows = benchbed.load(tmp_path / "study").trials.set_index("optimizer")
    assert rows.loc["gd", "status"] in FINAL_STATUSES
    assert "optimizer 'edited' differs" in rows.loc["edited", "error"]
    assert "spoiled" in rows.loc["spoiled", "error"]
    assert list(rows["status"]).count("failed") == 2


def test_the_executor_of_this_process_keeps_the_other_rows(tmp_path, run_in_process):
    """It plans third-party problems itself; one that raises has a row with the reason there, too."""
    problems = ["-p", "trap[place=building, fault=raise]", "-p", "trap"]
    result = run_in_process(
        tmp_path, "run", "--plugin", PLUGIN, *problems, "-o", "gd", "--preset", "quick", "--steps", "10", "--seeds",
        *("1", "--track", "default", "--executor", "serial", "-O", "study"),
    )  # fmt: skip
    assert result.returncode == 1
    assert "planning it raised RuntimeError: the trap is shut (trap.py:" in result.stderr
    trials = benchbed.load(tmp_path / "study").trials.set_index("problem_parameters")
    assert sorted(trials["status"]) == ["exhausted", "failed"]
    (error,) = trials[trials["status"] == "failed"]["error"]
    assert RAISED in error
