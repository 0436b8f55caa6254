"""Computation of reference values by child processes, which store them beside the classes of problems."""

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from benchbed.catalog.lookup import Catalog
from benchbed.catalog.names import error_line
from benchbed.engine.solving import Solution, solve
from benchbed.errors import BenchbedError, UsageError
from benchbed.interfaces import Problem, target_ladder
from benchbed.interfaces.references import (
    Reference,
    ReferenceKind,
    parameters_of,
    read_references,
    reference_digest,
    references_path,
)
from benchbed.plan.selections import ProblemSelection
from benchbed.plan.selectors import parse_selector
from benchbed.runner.failures import describe_failure
from benchbed.runner.global_state import default_global_state
from benchbed.runner.workers import WorkerFailure
from benchbed.seeds import original_name
from benchbed.store.files import write_atomically
from benchbed.study.loading import TIME_LIMIT, run_in_children
from benchbed.study.planning import PlanningTask, plugins_of, reload_plugins

NEGLIGIBLE = 0.1
"""Share of the smallest target that the error of a certified value may have."""


class ReferenceTask(msgspec.Struct, frozen=True):
    """A problem that a child solves; crosses processes as JSON."""

    planning: PlanningTask
    seconds: float


class ComputedReference(msgspec.Struct, frozen=True):
    """A reference value and its file, or the error for the user."""

    reference: Reference | None = None
    path: str = ""
    error: str = ""


def compute_references(
    catalog: Catalog, selectors: Sequence[str], plugin_files: tuple[str, ...], seconds: float
) -> list[ComputedReference]:
    """Compute and store the reference values of problems, each for at most so many seconds, in child processes."""
    tasks = []
    for text in selectors:
        catalog.entry("problems", parse_selector(text).name)  # raises for an unknown name
        selection = ProblemSelection(text, "standard", "reverse", None, None)
        planning = PlanningTask(selection, plugins_of(catalog, selection), plugin_files)
        tasks.append(ReferenceTask(planning, seconds))
    # One at a time: two of one file would overwrite each other's values.
    limit = seconds + TIME_LIMIT
    return [
        _read(result, limit) for task in tasks for result in run_in_children(compute_in_child, [task], limit)
    ]


def compute_in_child(encoded: bytes) -> bytes:
    """Compute and store the reference value of a task, in a child; return a ComputedReference in JSON."""
    task = msgspec.json.decode(encoded, type=ReferenceTask)
    try:
        with default_global_state():
            catalog = reload_plugins(task.planning.plugins, task.planning.plugin_files)
            computed = compute_reference(catalog, task.planning.selection.selector, task.seconds)
    except BenchbedError as error:
        computed = ComputedReference(error=str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a plugin may raise anything)
        computed = ComputedReference(error=f"computing it raised {error_line(error)}")
    return msgspec.json.encode(computed)


def compute_reference(catalog: Catalog, selector: str, seconds: float) -> ComputedReference:
    """Solve a problem and store its reference value. Raises: UsageError if it needs none, or no file defines it."""
    name, values = parse_selector(selector)
    if original_name(name) != name:
        raise UsageError(
            f"problem {name!r} has the optimum of {original_name(name)!r}; compute the reference value of that problem"
        )
    problem = catalog.problem(name, values)
    if type(problem).optimum is not Problem.optimum:
        raise UsageError(f"problem {name!r} has an `optimum` of its own and needs no reference value")
    path = references_path(problem)
    if path is None:
        raise UsageError(f"problem {name!r} is not defined in a file, beside which its value could be stored")
    reference = _reference(problem, solve(problem, name, seconds))
    same = (reference.problem, reference.parameters)
    others = [other for other in read_references(path) if (other.problem, other.parameters) != same]
    write_atomically(path, msgspec.json.format(msgspec.json.encode([*others, reference]), indent=2) + b"\n")
    return ComputedReference(reference, str(path))


def _reference(problem: Problem, solution: Solution) -> Reference:
    error_bound = solution.gradient_norm * solution.distance
    # With a target_metric the targets are no gaps, and f* only defines the gaps of tables.
    smallest = target_ladder(1)[-1] if problem.target_metric else problem.targets[-1]
    is_certified = problem.is_convex and error_bound <= NEGLIGIBLE * smallest * solution.scale < math.inf
    return Reference(
        problem=type(problem).__qualname__,
        parameters=parameters_of(problem),
        digest=reference_digest(problem, problem.shared_data()),
        value=solution.value,
        gradient_norm=solution.gradient_norm,
        error_bound=error_bound,
        kind=ReferenceKind.CERTIFIED if is_certified else ReferenceKind.BEST_KNOWN,
    )


def _read(result: Any, limit: float) -> ComputedReference:
    if isinstance(result, WorkerFailure):
        return ComputedReference(error=describe_failure(result, "solving it", limit))
    return msgspec.json.decode(result, type=ComputedReference)
