"""The provenance of a study: its rules, its suite, and the machine of its last run."""

import tomllib

from benchbed.environment import describe_environment
from benchbed.store import StudyFolder
from benchbed.study.provenance import provenance_of


def test_rules_suite_and_machine_are_named(plan_of, catalog, tmp_path):
    """Each with the value of the plan or of the description of the environment."""
    plan = plan_of(seeds=7)
    environment = describe_environment(plan, catalog, 3, "processes")
    with StudyFolder(tmp_path / "study") as folder:
        folder.write_environment(environment)
        provenance = provenance_of(plan, folder)
    assert provenance.study == plan.name
    assert tomllib.loads(provenance.suite) == plan.suite
    facts = provenance.facts
    assert facts["seeds"] == "7 evaluation seeds, 2 tuning seeds, study seed 0"
    assert (facts["torch"], facts["jobs"]) == (environment["torch"], "3")
    assert "optimizers (benchbed " in facts["plugins"]
    assert facts["last run"].endswith(" UTC")


def test_a_damaged_environment_is_named(plan_of, tmp_path):
    """It does not prevent the page."""
    folder = StudyFolder(tmp_path)
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "20260102T030405.000001Z-1.json").write_text("{")
    facts = provenance_of(plan_of(), folder).facts
    assert facts["last run"] == "2026-01-02 03:04 UTC"
    assert "cannot be read" in facts["machine"]
    assert "torch" not in facts


def test_without_environments_the_rules_remain(plan_of, tmp_path):
    """As in a folder that only has a plan."""
    facts = provenance_of(plan_of(), StudyFolder(tmp_path)).facts
    assert facts["preset"] == "quick"
    assert "last run" not in facts
