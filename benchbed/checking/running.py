"""A check from the driver: child processes do the work, so that a plugin that crashes or hangs has a verdict, too."""

from collections.abc import Sequence

import msgspec

from benchbed.catalog.lookup import Catalog
from benchbed.checking import children
from benchbed.checking.subjects import CHECKED_KINDS, CheckSubject
from benchbed.checking.verdicts import REGISTRATION, ClaimVerdict, SubjectReport
from benchbed.errors import UsageError
from benchbed.plan.selections import OptimizerSelection, ProblemSelection
from benchbed.runner.failures import describe_failure
from benchbed.runner.workers import WorkerFailure
from benchbed.study.loading import run_in_children
from benchbed.study.planning import plugins_of


def check_subject(
    catalog: Catalog, subject: CheckSubject, plugin_files: tuple[str, ...], timeout: float
) -> SubjectReport:
    """Check an object, within `timeout` seconds a child."""
    if subject.kind not in CHECKED_KINDS:
        return SubjectReport(subject.kind, subject.selector, (REGISTRATION,))
    plugins = (
        *plugins_of(catalog, ProblemSelection(subject.problem, "quick", "reverse", None, None)),
        *plugins_of(catalog, OptimizerSelection(subject.optimizer, 0)),
    )
    task = children.CheckTask(subject, plugins, plugin_files)
    claims = _check_claims(task, timeout)
    pairing = ClaimVerdict(children.PAIRING, f"{subject.optimizer} runs on {subject.problem}")
    (result,) = run_in_children(children.measure_step_in_child, [task], timeout)
    step = _read(result, pairing, "running it", timeout)
    return SubjectReport(subject.kind, subject.selector, (REGISTRATION, *claims, *step.verdicts), step.cost)


def _check_claims(task: children.CheckTask, timeout: float) -> Sequence[ClaimVerdict]:
    """Check all claims in one child; if it dies, each claim in a child of its own, so that others have verdicts."""
    (result,) = run_in_children(children.check_claims_in_child, [task], timeout)
    if not isinstance(result, WorkerFailure):
        return _read(result, children.CONSTRUCTION, "checking it", timeout).verdicts
    (listed,) = run_in_children(children.list_claims_in_child, [task], timeout)
    if isinstance(listed, WorkerFailure):
        return _read(listed, children.CONSTRUCTION, "building it", timeout).verdicts
    claims = msgspec.json.decode(listed, type=list[ClaimVerdict])
    tasks = [msgspec.structs.replace(task, only=claim.name) for claim in claims]
    results = run_in_children(children.check_claims_in_child, tasks, timeout)
    read = [
        _read(result, claim, "checking it", timeout) for claim, result in zip(claims, results, strict=True)
    ]
    return [verdict for result in read for verdict in result.verdicts]


def _read(
    result: bytes | WorkerFailure, verdict: ClaimVerdict, action: str, timeout: float
) -> children.CheckResult:
    """Return the result of a child, which refutes `verdict` by its death. Raises: UsageError for one of the user."""
    if isinstance(result, WorkerFailure):
        fault = describe_failure(result, action, timeout)
        return children.CheckResult((msgspec.structs.replace(verdict, error=fault),))
    read = msgspec.json.decode(result, type=children.CheckResult)
    if read.usage_error is not None:
        raise UsageError(read.usage_error)
    return read
