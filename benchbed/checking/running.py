"""A check from the driver: child processes do the work, so that a plugin that crashes or hangs has a verdict, too."""

from collections.abc import Sequence

import msgspec

from benchbed.catalog.lookup import Catalog
from benchbed.checking.children import (
    CONSTRUCTION,
    PAIRING,
    CheckTask,
    ClaimsResult,
    StepResult,
    check_claims_in_child,
    list_claims_in_child,
    measure_step_in_child,
)
from benchbed.checking.subjects import CHECKED_KINDS, CheckSubject
from benchbed.checking.verdicts import REGISTRATION, ClaimVerdict, SubjectReport
from benchbed.errors import UsageError
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
        _require_usable(step.usage_error)
    return SubjectReport(subject.kind, subject.selector, (REGISTRATION, *verdicts, step.verdict), step.cost)


def _check_claims(task: CheckTask, timeout: float) -> Sequence[ClaimVerdict]:
    """Check all claims in one child; if it dies, each claim in a child of its own, so that others have verdicts."""
    (result,) = run_in_children(check_claims_in_child, [task], timeout)
    if not isinstance(result, WorkerFailure):
        return _verdicts(result)
    (listed,) = run_in_children(list_claims_in_child, [task], timeout)
    if isinstance(listed, WorkerFailure):
        fault = describe_failure(listed, "building it", timeout)
        return [msgspec.structs.replace(CONSTRUCTION, error=fault)]
    verdicts: list[ClaimVerdict] = []
    claims = msgspec.json.decode(listed, type=list[ClaimVerdict])
    tasks = [msgspec.structs.replace(task, only=claim.name) for claim in claims]
    for claim, result in zip(claims, run_in_children(check_claims_in_child, tasks, timeout), strict=True):
        if isinstance(result, WorkerFailure):
            fault = describe_failure(result, "checking it", timeout)
            verdicts.append(msgspec.structs.replace(claim, error=fault))
        else:
            verdicts += _verdicts(result)
    return verdicts


def _verdicts(encoded: bytes) -> tuple[ClaimVerdict, ...]:
    result = msgspec.json.decode(encoded, type=ClaimsResult)
    _require_usable(result.usage_error)
    return result.verdicts


def _require_usable(usage_error: str | None) -> None:
    """Raise UsageError if a child met a mistake of the user."""
    if usage_error is not None:
        raise UsageError(usage_error)
