"""Planning by a driver: the plans of third-party problems and optimizers are made in child processes."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.lookup import Catalog
from benchbed.catalog.names import error_line, plugin_traceback, quoted
from benchbed.catalog.records import InvalidPluginError, Kind, PluginStatus, parts_of
from benchbed.catalog.torch_references import modules_of
from benchbed.errors import BenchbedError, UnusableSelectorsError, UsageError
from benchbed.interfaces import TrialStatus
from benchbed.plan import EntrantPlan, Plan, ProblemPlan, Request, make_plan, parse_selector
from benchbed.plan.parts import PlanningFault
from benchbed.plan.selections import (
    ProblemSelection,
    Resolution,
    ResolvedPart,
    Selection,
    resolve_or_error,
    resolve_selection,
)
from benchbed.plan.stored import is_damaged
from benchbed.plan.unplanned import unplanned_part
from benchbed.runner.failures import describe_failure
from benchbed.runner.global_state import default_global_state
from benchbed.runner.workers import WorkerFailure
from benchbed.study.loading import IN_PROCESS, TIME_LIMIT, run_in_children


class PlanningTask(msgspec.Struct, frozen=True):
    """A selection that a child resolves; crosses processes as JSON."""

    selection: Selection
    plugins: tuple[str, ...]
    plugin_files: tuple[str, ...]


class PlannedSelection(msgspec.Struct, frozen=True):
    """The result of a selection: its plans, or an error for the user."""

    problems: tuple[ProblemPlan, ...] = ()
    entrants: tuple[EntrantPlan, ...] = ()
    error: str | None = None
    """A mistake of the user; None if there was none."""
    fault: str | None = None
    """A mistake of the plugin; None if there was none."""


def plan_request(
    catalog: Catalog,
    request: Request,
    plugin_files: tuple[str, ...] = (),
    timeout: float | None = None,
    executor: str = "processes",
) -> tuple[Plan, list[str]]:
    """Return the plan of a request, and a warning for each part that cannot be planned as usual.

    A child process builds each third-party problem and optimizer, within `timeout` seconds (60 by default). If the
    child dies, takes too long or raises an exception, the part is planned from its declarations, so that its trials
    run, fail by themselves and have rows. If that fails too, its trials do not run, and their rows have the reason.
    The rest of the study is not affected.

    A request with `skip_unusable` is planned without the selectors that cannot be used, with a warning for each.

    Raises: UsageError or NothingSelectedError with the wrong value and a remedy.
    """
    warnings: list[str] = []
    parts: dict[Selection, Resolution] = {}

    def resolve_all(selections: Sequence[Selection]) -> list[Resolution | PlanningFault]:
        if executor == IN_PROCESS:
            return [_read_plan(_planned(selection, lambda: catalog)) for selection in selections]
        return _resolve_in_children(catalog, selections, plugin_files, timeout or TIME_LIMIT)

    def resolve(catalog: Catalog, selections: Sequence[Selection]) -> list[Resolution]:
        third_party = []
        for selection in dict.fromkeys(selections):
            if selection in parts:  # the request is planned again, without its unusable selectors
                continue
            try:
                is_third_party = _is_third_party(catalog, selection)
            except UsageError as error:
                parts[selection] = error
                continue
            if is_third_party:
                third_party.append(selection)
            else:
                parts[selection] = resolve_or_error(catalog, selection)
        parts.update(_resolve_third_party(catalog, third_party, resolve_all, warnings))
        return [parts[selection] for selection in selections]

    plan = _plan_usable(catalog, request, resolve, warnings)
    warnings += [
        f"problem {quoted(problem.label)} has no score: {problem.reference_fault}"
        for problem in plan.problems
        if problem.reference_fault
    ]
    return plan, warnings


def _plan_usable(
    catalog: Catalog,
    request: Request,
    resolve: Callable[[Catalog, Sequence[Selection]], list[Resolution]],
    warnings: list[str],
) -> Plan:
    """Plan a request; with `skip_unusable` without the selectors that cannot be used, and a warning for each."""
    try:
        return make_plan(catalog, request, resolve)
    except UnusableSelectorsError as error:
        usable = {
            kind: tuple(text for text in getattr(request, kind) or () if (kind, text) not in error.errors)
            for kind in ("problems", "optimizers")
        }
        if not (request.skip_unusable and all(usable.values())):
            raise
        warnings += [f"{quoted(text)} is left out: {fault}" for (_, text), fault in error.errors.items()]
        return make_plan(catalog, msgspec.structs.replace(request, **usable), resolve)


def _resolve_third_party(
    catalog: Catalog,
    selections: Sequence[Selection],
    resolve_all: Callable[[Sequence[Selection]], list[Resolution | PlanningFault]],
    warnings: list[str],
) -> dict[Selection, Resolution]:
    """Resolve selections by `resolve_all`; add a warning for each part that cannot be planned as usual."""
    results = resolve_all(selections)
    parts: dict[Selection, Resolution] = {}
    faults: dict[Selection, PlanningFault] = {}
    for selection, result in zip(selections, results, strict=True):
        if isinstance(result, PlanningFault):
            faults[selection] = result
        else:
            parts[selection] = result
    declared = [msgspec.structs.replace(selection, declared=True) for selection in faults]
    again = resolve_all(declared)
    for (selection, fault), declared_part in zip(faults.items(), again, strict=True):
        if isinstance(declared_part, PlanningFault):
            parts[selection] = unplanned_part(catalog, selection, fault)
            consequence = "its trials do not run"
        else:
            parts[selection] = declared_part
            consequence = "it is planned as it is declared"
        if not isinstance(declared_part, UsageError):
            warnings.append(f"{_label(catalog, selection)}: {fault.reason}; {consequence}")
    return parts


def resolve_in_child(encoded: bytes) -> bytes:
    """Resolve the selection of a task, in a child, and return a PlannedSelection in JSON."""
    task = msgspec.json.decode(encoded, type=PlanningTask)
    planned = _planned(task.selection, lambda: reload_plugins(task.plugins, task.plugin_files))
    return msgspec.json.encode(planned)


def _planned(selection: Selection, load: Callable[[], Catalog]) -> PlannedSelection:
    """Resolve a selection with the catalog that `load` returns; exceptions of plugins are part of the result."""
    try:
        with default_global_state():
            part = resolve_selection(load(), selection)
    except UsageError as error:
        return PlannedSelection(error=str(error))
    except InvalidPluginError as error:
        return PlannedSelection(fault=str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a plugin may raise anything)
        cause = error.__cause__ if isinstance(error, BenchbedError) and error.__cause__ else error
        location, _ = plugin_traceback(cause)
        return PlannedSelection(fault=f"planning it raised {error_line(cause)}{location}")
    return PlannedSelection(
        problems=tuple(item for item in part if isinstance(item, ProblemPlan)),
        entrants=tuple(item for item in part if isinstance(item, EntrantPlan)),
    )


def reload_plugins(plugins: Collection[str], plugin_files: Sequence[str]) -> Catalog:
    """Load third-party plugins that another process has loaded before. Raises: InvalidPluginError if one cannot."""
    try:
        catalog = load_catalog([Path(file) for file in plugin_files], needed=plugins)
    except UsageError as error:  # a file has been removed or edited
        raise InvalidPluginError(str(error)) from error
    for record in catalog.plugins:
        if record.name in plugins and record.status in (PluginStatus.BROKEN, PluginStatus.INVALID):
            raise InvalidPluginError(f"{record.complaint}, although it was loaded before")
    return catalog


def _resolve_in_children(
    catalog: Catalog, selections: Sequence[Selection], plugin_files: tuple[str, ...], limit: float
) -> list[Resolution | PlanningFault]:
    """Return the plan of each selection, the error of the user, or the fault of its plugin."""
    tasks = [
        PlanningTask(selection, plugins_of(catalog, selection), plugin_files) for selection in selections
    ]
    return [_read(result, limit) for result in run_in_children(resolve_in_child, tasks, limit)]


def _read(result: Any, limit: float) -> Resolution | PlanningFault:
    if isinstance(result, WorkerFailure):
        return PlanningFault(result.kind, describe_failure(result, "planning it", limit))
    try:
        planned = msgspec.json.decode(result, type=PlannedSelection)
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        return PlanningFault(TrialStatus.FAILED, f"planning it returned an invalid plan: {error_line(error)}")
    return _read_plan(planned)


def _read_plan(planned: PlannedSelection) -> Resolution | PlanningFault:
    if planned.error is not None:
        return UsageError(planned.error)
    part: ResolvedPart = planned.problems or planned.entrants
    if planned.fault is None and (not part or any(map(is_damaged, part))):
        return PlanningFault(TrialStatus.FAILED, "planning it returned an impossible name or number")
    return part if planned.fault is None else PlanningFault(TrialStatus.FAILED, planned.fault)


def _is_third_party(catalog: Catalog, selection: Selection) -> bool:
    kind, _ = _key(selection)
    modules = modules_of(*parse_selector(selection.selector)) if kind == "optimizers" else []
    # Naming a class imports its module.
    return any(module != "torch.optim" for module in modules) or bool(plugins_of(catalog, selection))


def plugins_of(catalog: Catalog, selection: Selection) -> tuple[str, ...]:
    """Return the names of the third-party plugins that a selection needs."""
    keys = parts_of(*_key(selection))
    if isinstance(selection, ProblemSelection):
        keys.append(("gradients", selection.gradient))
    entries = [catalog.entries[kind][name] for kind, name in keys if name in catalog.entries[kind]]
    return tuple(entry.plugin for entry in entries if not entry.built_in)


def _key(selection: Selection) -> tuple[Kind, str]:
    kind: Kind = "problems" if isinstance(selection, ProblemSelection) else "optimizers"
    return kind, parse_selector(selection.selector).name


def _label(catalog: Catalog, selection: Selection) -> str:
    kind, name = _key(selection)
    entry = catalog.entries[kind].get(name)
    return f"{kind[:-1]} {quoted(selection.selector)}" + (f" of {entry.label}" if entry else "")
