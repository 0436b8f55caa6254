"""A check from the driver: child processes do the work, so that a plugin that crashes or hangs has a verdict, too."""

from collections.abc import Sequence
from typing import Any

import msgspec

from benchbed.catalog.lookup import Catalog
from benchbed.checking.children import (
    PAIRING,
    CheckTask,
    StepResult,
    check_claims_in_child,
    list_claims_in_child,
    measure_step_in_child,
)
from benchbed.checking.subjects import CHECKED_KINDS, CheckSubject
from benchbed.checking.verdicts import REGISTRATION, ClaimVerdict, SubjectReport
from benchbed.plan.selections import OptimizerSelection, ProblemSelection
from benchbed.runner.failures import describe_failure
from benchbed.runner.workers import WorkerFailure
from benchbed.study.loading import run_in_children
from benchbed.study.planning import plugins_of


def check_subjects(
    catalog: Catalog, subjects: Sequence[CheckSubject], plugin_files: tuple[str, ...], timeout: float
) -> list[SubjectReport]:
    """Check objects, one after the other so that timings are not disturbed, each within `timeout` seconds a child."""
    return [_check_subject(catalog, subject, plugin_files, timeout) for subject in subjects]


def _check_subject(
    catalog: Catalog, subject: CheckSubject, plugin_files: tuple[str, ...], timeout: float
) -> SubjectReport:
    if subject.kind not in CHECKED_KINDS:
        return SubjectReport(subject.kind, subject.selector, (REGISTRATION,))
    plugins = (
        *plugins_of(catalog, ProblemSelection(subject.problem, "quick", "reverse", None, None)),
        *plugins_of(catalog, OptimizerSelection(subject.optimizer, 0)),
    )
    task = CheckTask(subject, plugins, plugin_files)
    verdicts = _check_claims(task, timeout)
    (result,) = run_in_children(measure_step_in_child, [task], timeout)
    if isinstance(result, WorkerFailure):
        sentence = f"{subject.optimizer} runs on {subject.problem}"
        step = StepResult(ClaimVerdict(PAIRING, sentence, describe_failure(result, "running it", timeout)))
    else:
        step = msgspec.json.decode(result, type=StepResult)
    return SubjectReport(subject.kind, subject.selector, (REGISTRATION, *verdicts, step.verdict), step.cost)


def _check_claims(task: CheckTask, timeout: float) -> list[ClaimVerdict]:
    """Check all claims in one child; if it dies, each claim in a child of its own, so that others have verdicts."""
    (result,) = run_in_children(check_claims_in_child, [task], timeout)
    if not isinstance(result, WorkerFailure):
        return msgspec.json.decode(result, type=list[ClaimVerdict])
    (listed,) = run_in_children(list_claims_in_child, [task], timeout)
    if isinstance(listed, WorkerFailure):
        fault = describe_failure(listed, "building it", timeout)
        return [ClaimVerdict("construction", "the object can be built and started", fault)]
    claims = msgspec.json.decode(listed, type=list[ClaimVerdict])
    tasks = [msgspec.structs.replace(task, only=claim.name) for claim in claims]
    results = run_in_children(check_claims_in_child, tasks, timeout)
    return [_verdict(claim, result, timeout) for claim, result in zip(claims, results, strict=True)]


def _verdict(claim: ClaimVerdict, result: Any, timeout: float) -> ClaimVerdict:
    if isinstance(result, WorkerFailure):
        return msgspec.structs.replace(claim, error=describe_failure(result, "checking it", timeout))
    (verdict,) = msgspec.json.decode(result, type=list[ClaimVerdict])
    return verdict
