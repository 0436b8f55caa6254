"""The work of a check in child processes: the claims of an object, and the cost of its step."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from benchbed import testing
from benchbed.catalog.lookup import Catalog
from benchbed.catalog.names import error_line, plugin_traceback
from benchbed.checking.subjects import CHECKED_KINDS, CheckSubject
from benchbed.checking.verdicts import ClaimVerdict, StepCost
from benchbed.engine import Batch, run_batch
from benchbed.engine.compilation_check import compilation_fault
from benchbed.engine.contract import check_contract
from benchbed.errors import BenchbedError, UsageError
from benchbed.interfaces import Engine
from benchbed.plan import Request, make_plan, parse_selector
from benchbed.runner.engine_batches import engine_batch
from benchbed.runner.global_state import default_global_state
from benchbed.study.planning import reload_plugins

SEEDS, SETTINGS = 20, 5
"""Trials of the pairing in which a step is timed, all with the same setting."""
COMPILED_STEPS = 50
"""At most how many times as many steps run compiled as eagerly: as many as take the same time."""
PAIRING = "pairing"
CONSTRUCTION = ClaimVerdict("construction", "the object can be built and started")


class CheckTask(msgspec.Struct, frozen=True):
    """An object that a child checks; crosses processes as JSON."""

    subject: CheckSubject
    plugins: tuple[str, ...]
    """Names of the third-party plugins that its pairing needs."""
    plugin_files: tuple[str, ...]
    only: str | None = None
    """Name of the claim to check; None for all."""


class CheckResult(msgspec.Struct, frozen=True):
    """Verdicts, with the cost of a step if it was measured, or the error of a user whose selector is wrong."""

    verdicts: tuple[ClaimVerdict, ...] = ()
    cost: StepCost | None = None
    usage_error: str | None = None


def list_claims_in_child(encoded: bytes) -> bytes:
    """Return the claims of the object of a task, unchecked, as ClaimVerdicts in JSON."""
    task = msgspec.json.decode(encoded, type=CheckTask)
    with default_global_state():
        claims = claims_about(reload_plugins(task.plugins, task.plugin_files), task.subject)
    return msgspec.json.encode([ClaimVerdict(claim.name, claim.sentence) for claim in claims])


def check_claims_in_child(encoded: bytes) -> bytes:
    """Check the claims of the object of a task; return a CheckResult in JSON."""

    def check(catalog: Catalog) -> CheckResult:
        claims = claims_about(catalog, task.subject)
        return CheckResult(tuple(_verdict_on(claim) for claim in claims if task.only in (None, claim.name)))

    task = msgspec.json.decode(encoded, type=CheckTask)
    return _result(task, CONSTRUCTION, check)


def measure_step_in_child(encoded: bytes) -> bytes:
    """Check and time the pairing of a task; return a CheckResult in JSON."""
    task = msgspec.json.decode(encoded, type=CheckTask)
    subject = task.subject
    sentence = (
        f"{subject.optimizer} runs on {subject.problem}, and each trial depends on its own values alone"
    )
    verdict = ClaimVerdict(PAIRING, sentence)
    return _result(task, verdict, lambda catalog: CheckResult((verdict,), measure_step(catalog, subject)))


def _result(task: CheckTask, verdict: ClaimVerdict, check: Callable[[Catalog], CheckResult]) -> bytes:
    """Return the result of a check in JSON; `verdict` is the one that an exception of the plugin refutes."""
    with default_global_state():
        try:
            result = check(reload_plugins(task.plugins, task.plugin_files))
        except UsageError as error:
            result = CheckResult(usage_error=str(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001 (a plugin may raise anything)
            result = CheckResult((msgspec.structs.replace(verdict, error=_describe(error)),))
    return msgspec.json.encode(result)


def claims_about(catalog: Catalog, subject: CheckSubject) -> Sequence[testing.Claim]:
    """Return the claims of the contract about an object; none for kinds that are only registered.

    Raises: UsageError if its parameters are not valid; any exception of the plugin.
    """
    if subject.kind not in CHECKED_KINDS:
        return ()
    name, selected = parse_selector(subject.selector)
    parameters: dict[str, Any] = selected
    implementation = catalog.entry(subject.kind, name).implementation
    match subject.kind:
        case "problems":
            return testing.problem_claims(catalog.problem(name, parameters))
        case "optimizers":
            return testing.optimizer_claims(implementation, **catalog.hyperparameters(name, parameters))
        case "wrappers":
            return testing.wrapper_claims(implementation, **parameters)
        case _:
            return testing.transform_claims(implementation, **parameters)


def measure_step(catalog: Catalog, subject: CheckSubject) -> StepCost:
    """Check the pairing of an object, and time its steps by both engines on the CPU.

    Raises: ContractError if the pairing breaks the contract; any exception of the plugin.
    """
    request = Request(
        name="check",
        preset="quick",
        problems=(subject.problem,),
        optimizers=(subject.optimizer,),
        device="cpu",
    )
    plan = make_plan(catalog, request)
    pairing = plan.pairings()[0]
    # The same setting in every trial: one that diverges would end early.
    settings = [pairing.entrants[0].hyperparameters] * SETTINGS
    batch = engine_batch(
        plan, plan.batch(pairing, settings, "evaluation", range(SEEDS)), catalog, is_measured=False
    )
    traits = check_contract(batch)._asdict()
    batch = batch._replace(targets=(), target_metric="", metrics={}, third_party=True, raises=True, **traits)
    eager_seconds, _ = _time_steps(batch._replace(engine=Engine.EAGER))
    compiled_seconds = None
    batch = batch._replace(engine=Engine.COMPILED)
    fault = compilation_fault(batch)
    if fault is None:
        seconds, _ = _time_steps(batch)  # loads the compiled code
        repetitions = int(eager_seconds / seconds) if seconds else COMPILED_STEPS
        budget = batch.budget * min(max(repetitions, 1), COMPILED_STEPS)
        compiled_seconds, fault = _time_steps(batch._replace(budget=budget))
    return StepCost(
        problem=pairing.problem.label,
        optimizer=pairing.entrants[0].label,
        dimension=pairing.problem.dimension,
        trials=SEEDS * SETTINGS,
        eager_microseconds=1e6 * eager_seconds,
        compiled_microseconds=None if compiled_seconds is None or fault else 1e6 * compiled_seconds,
        compilation_fault=fault,
    )


def _time_steps(batch: Batch) -> tuple[float, str | None]:
    """Run a batch; return the seconds of one step of one trial, and why a compiled step was given up.

    The seconds are those of this process on a core, so that other processes do not count.

    Raises: BenchbedError if no step can run; any exception of the plugin.
    """
    record = run_batch(batch, time.process_time)
    if record.skip_reason is not None:
        raise BenchbedError(record.skip_reason)
    return float(record.step_seconds.sum() / max(1, record.steps.sum())), record.fallback_reason.flat[0]


def _verdict_on(claim: testing.Claim) -> ClaimVerdict:
    try:
        claim()
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a plugin may raise anything)
        return ClaimVerdict(claim.name, claim.sentence, _describe(error))
    return ClaimVerdict(claim.name, claim.sentence)


def _describe(error: BaseException) -> str:
    """Return the message of a broken rule, or an exception of a plugin with its line."""
    if isinstance(error, testing.ConformanceError):
        return str(error.__cause__ or error)
    if isinstance(error, BenchbedError):
        return str(error)
    location, _ = plugin_traceback(error)
    return f"it raised {error_line(error)}{location}"
