"""Planning by a driver: the plans of third-party problems and optimizers are made in child processes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.lookup import Catalog
from benchbed.catalog.names import error_line, plugin_traceback, quoted
from benchbed.catalog.records import Kind
from benchbed.errors import BenchbedError, UsageError
from benchbed.plan import EntrantPlan, Plan, ProblemPlan, Request, make_plan, parse_selector
from benchbed.plan.resolve import ProblemSelection, ResolvedPart, Selection, resolve_selection
from benchbed.runner.global_state import default_global_state
from benchbed.runner.workers import WorkerFailure
from benchbed.study.loading import IN_PROCESS, TIME_LIMIT, describe_failure, run_in_children


class PlanningTask(msgspec.Struct, frozen=True):
    """A selection that a child resolves; crosses processes as JSON."""

    selection: Selection
    plugins: tuple[str, ...]
    plugin_files: tuple[str, ...]


class PlannedSelection(msgspec.Struct, frozen=True):
    """The result of a selection: its plan, or an error for the user."""

    problem: ProblemPlan | None = None
    entrants: tuple[EntrantPlan, ...] = ()
    error: str | None = None
    exit_code: int = UsageError.exit_code
    fault: str | None = None
    """An exception that only the plugin can explain; None if there was none."""


def plan_request(
    catalog: Catalog,
    request: Request,
    plugin_files: tuple[str, ...] = (),
    timeout: float | None = None,
    executor: str = "processes",
) -> tuple[Plan, list[str]]:
    """Return the plan of a request, and a warning for each part that is planned as its class declares it.

    A child process builds each third-party problem and optimizer, within `timeout` seconds (60 by default). If the
    child dies, takes too long or raises an exception, the part is planned from its declarations, so that its trials
    run, fail by themselves and have rows, and the rest of the study is not affected.

    Raises: UsageError or NothingSelectedError with the wrong value and a remedy, also if a part cannot even be planned
    from its declarations.
    """
    if executor == IN_PROCESS:
        return make_plan(catalog, request), []
    warnings: list[str] = []

    def resolve(catalog: Catalog, selections: Sequence[Selection]) -> list[ResolvedPart]:
        # The built-in parts first, whose errors need no child.
        parts: dict[Selection, ResolvedPart] = {
            selection: resolve_selection(catalog, selection)
            for selection in selections
            if not _is_third_party(catalog, selection)
        }
        third_party = [selection for selection in dict.fromkeys(selections) if selection not in parts]
        limit = timeout or TIME_LIMIT
        results = _resolve_in_children(catalog, third_party, plugin_files, limit)
        faults = {
            selection: result
            for selection, result in zip(third_party, results, strict=True)
            if isinstance(result, str)
        }
        declared = [msgspec.structs.replace(selection, declared=True) for selection in faults]
        again = dict(zip(faults, _resolve_in_children(catalog, declared, plugin_files, limit), strict=True))
        for selection, result in zip(third_party, results, strict=True):
            fault = faults.get(selection)
            part = result if fault is None else again[selection]
            if isinstance(part, str):
                raise UsageError(f"{_label(catalog, selection)} cannot be planned: {fault}")
            if fault is not None:
                warnings.append(f"{_label(catalog, selection)}: {fault}; it is planned as it is declared")
            parts[selection] = part
        return [parts[selection] for selection in selections]

    return make_plan(catalog, request, resolve), warnings


def resolve_in_child(encoded: bytes) -> bytes:
    """Resolve the selection of a task, in a child, and return a PlannedSelection in JSON."""
    task = msgspec.json.decode(encoded, type=PlanningTask)
    try:
        with default_global_state():
            catalog = load_catalog([Path(file) for file in task.plugin_files], needed=task.plugins)
            part = resolve_selection(catalog, task.selection)
    except BenchbedError as error:
        planned = PlannedSelection(error=str(error), exit_code=error.exit_code)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a plugin may raise anything)
        planned = PlannedSelection(fault=error_line(error) + plugin_traceback(error)[0])
    else:
        planned = (
            PlannedSelection(problem=part)
            if isinstance(part, ProblemPlan)
            else PlannedSelection(entrants=part)
        )
    return msgspec.json.encode(planned)


def _resolve_in_children(
    catalog: Catalog, selections: Sequence[Selection], plugin_files: tuple[str, ...], limit: float
) -> list[ResolvedPart | str]:
    """Return the plan of each selection, or the fault of its plugin in one line. Raises: BenchbedError."""
    if not selections:
        return []
    tasks = [
        PlanningTask(selection, _plugins_of(catalog, selection), plugin_files) for selection in selections
    ]
    return [_read(result, limit) for result in run_in_children(resolve_in_child, tasks, limit)]


def _read(result: Any, limit: float) -> ResolvedPart | str:
    if isinstance(result, WorkerFailure):
        return describe_failure(result, "planning it", limit)
    planned = msgspec.json.decode(result, type=PlannedSelection)
    if planned.error is not None:
        error_type = UsageError if planned.exit_code == UsageError.exit_code else BenchbedError
        raise error_type(planned.error)
    if planned.fault is not None:
        return f"planning it raised {planned.fault}"
    return planned.problem or planned.entrants


def _is_third_party(catalog: Catalog, selection: Selection) -> bool:
    kind, name = _key(selection)
    if kind == "optimizers" and ":" in name and name not in catalog.entries[kind]:
        return not name.startswith("torch.optim:")  # naming a class of another module imports that module
    catalog.entry(kind, name)  # raises for an unknown name
    return bool(_plugins_of(catalog, selection))


def _plugins_of(catalog: Catalog, selection: Selection) -> tuple[str, ...]:
    """Return the names of the third-party plugins that a selection needs."""
    keys = [_key(selection)]
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
