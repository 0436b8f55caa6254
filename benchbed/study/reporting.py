"""Reports of a study folder: workers draw the files of every report and figure in parallel."""

import functools
import uuid
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from benchbed.analysis.results import build_results
from benchbed.catalog.lookup import Catalog
from benchbed.engine import objective_at, solution_of
from benchbed.errors import BenchbedError
from benchbed.interfaces.results import Report, Results, Surface
from benchbed.plan import Plan, ProblemPlan
from benchbed.runner.global_state import default_global_state
from benchbed.runner.task import catalog_of
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.seeds import InstanceSeed
from benchbed.store import Outputs, StudyFolder
from benchbed.study.figures import FOLDER, draw_by_workers, figures_of, files_of
from benchbed.study.model import Study

GRID = 121
"""Points of a surface along each axis."""
MARGIN = 0.3
"""Distance shown beyond the start, as a share of its distance from the minimizer."""


class ReportTask(msgspec.Struct, frozen=True):
    """A report of a study folder, or one piece of it; crosses processes as JSON."""

    folder: str
    report: str
    plugin_files: tuple[str, ...]
    token: str
    """Differs between two calls: a process reads the folder once for each, because it may have grown."""
    piece: str = ""


class DrawnPiece(NamedTuple):
    """A piece of a report."""

    report: str
    description: str
    files: dict[str, bytes] | str
    """Its files by name, or the reason why it could not be drawn."""


def write_reports(
    study: Study,
    folder: StudyFolder,
    catalog: Catalog,
    plugin_files: tuple[str, ...],
    workers: Workers,
    only: Sequence[str] = (),
) -> list[str]:
    """Write summary, tables, plots and the figures of the suite; return a warning for each that failed."""
    warnings = []
    pieces = draw_reports(study.path, catalog, plugin_files, workers, only)
    # This process reads the study while the workers do.
    summary = study.summary.to_csv(index=False, lineterminator="\n")
    outputs = Outputs(folder, study.plan)
    outputs.write("", "summary.csv", summary.encode())
    for report, description, files in pieces:
        if isinstance(files, str):
            warnings.append(f"could not draw {description}: {files}")
            continue
        for name, content in files.items():
            try:
                outputs.write(report, name, content)
            except ValueError as error:
                warnings.append(f"could not draw {description}: {error}")
    figures = [] if only else figures_of(catalog, study.plan.name)
    for figure, picture in draw_by_workers(figures, plugin_files, workers, [study.path]):
        if isinstance(picture, WorkerFailure):
            warnings.append(f"could not draw {figure.name}: {picture.kind}: {picture.message}")
        else:
            for name, content in files_of(figure, picture).items():
                outputs.write(FOLDER, name, content)
    return [*warnings, *outputs.finish([*(only or ("", FOLDER, *drawn_reports(catalog)))])]


def drawn_reports(catalog: Catalog) -> list[str]:
    """Return the names of the reports that are not optional."""
    return [
        name
        for name in catalog.names("reports")
        if not getattr(catalog.entry("reports", name).implementation, "optional", False)
    ]


def draw_reports(
    folder: Path,
    catalog: Catalog,
    plugin_files: tuple[str, ...],
    workers: Workers,
    only: Collection[str] = (),
) -> Iterator[DrawnPiece]:
    """Submit all reports that are not optional, or `only` the named ones, and yield their pieces as they are drawn.

    Raises: UsageError if a name is unknown.
    """
    names = only or drawn_reports(catalog)
    folder_name, token = str(folder.resolve()), uuid.uuid4().hex
    tasks = [
        ReportTask(folder_name, catalog.entry("reports", name).name, plugin_files, token) for name in names
    ]
    # Workers list the pieces too: they have loaded the drawing modules, which this process would import for a second.
    futures = [workers.submit(list_pieces, task) for task in tasks]
    return _draw_pieces(tasks, futures, workers, must_apply=bool(only))


def _draw_pieces(
    tasks: Sequence[ReportTask], piece_lists: Sequence[Future[Any]], workers: Workers, must_apply: bool
) -> Iterator[DrawnPiece]:
    # Not part of `draw_reports`, whose tasks are submitted before the first piece is asked for.
    futures = {}
    for task, future in zip(tasks, piece_lists, strict=True):
        pieces = workers.result(future)
        if isinstance(pieces, WorkerFailure):
            yield DrawnPiece(task.report, task.report, _describe(pieces))
        elif must_apply and not pieces:
            reason = "this study contains no problem that it applies to"
            yield DrawnPiece(task.report, task.report, reason)
        else:
            for piece in pieces:
                piece_task = msgspec.structs.replace(task, piece=piece)
                description = f"{task.report} of {piece or 'all problems'}"
                futures[workers.submit(draw_piece, piece_task)] = task.report, description
    for future in as_completed(futures):
        files = workers.result(future)
        yield DrawnPiece(*futures[future], _describe(files) if isinstance(files, WorkerFailure) else files)


def _describe(failure: WorkerFailure) -> str:
    return f"{failure.kind}: {failure.log.strip()}"


def list_pieces(encoded: bytes) -> list[str]:
    """Return the names of the pieces of a report, in a worker."""
    report, results, _ = _read(encoded)
    return [str(piece) for piece in report.pieces(results)]


def draw_piece(encoded: bytes) -> dict[str, bytes]:
    """Draw one piece of a report, in a worker, and return its files by name."""
    report, results, piece = _read(encoded)
    with default_global_state():
        return dict(report.draw(results, piece))


def _read(encoded: bytes) -> tuple[Report, Results, str]:
    task = msgspec.json.decode(encoded, type=ReportTask)
    with default_global_state():
        report = catalog_of(task.plugin_files).entry("reports", task.report).implementation
        return report, read_results(task.folder, task.plugin_files, task.token), task.piece


@functools.lru_cache(maxsize=1)
def read_results(folder: str, plugin_files: tuple[str, ...], token: str) -> Results:
    """Read the results of a finished study, once for each process and `token`."""
    study = StudyFolder(Path(folder))
    plan, trials = study.read_plan(), study.read_trials()
    results = build_results(plan, trials)
    return results._replace(surfaces=surfaces_of(plan, results, catalog_of(plugin_files)))


def surfaces_of(plan: Plan, results: Results, catalog: Catalog) -> dict[str, Surface]:
    """Evaluate the objectives of all two-dimensional problems that are installed, around the paths of trials."""
    surfaces = {}
    for problem in plan.problems:
        if problem.dimension != 2:
            continue
        try:
            surfaces[problem.label] = _surface(plan, problem, results, catalog)
        except BenchbedError:
            continue  # the plugin is not installed, so the paths on this problem are not drawn
    return surfaces


def _surface(plan: Plan, problem_plan: ProblemPlan, results: Results, catalog: Catalog) -> Surface:
    drawn_trials = results.outcomes.query("problem == @problem_plan.label and seed == 0 and gap < inf")
    paths = results.curves[results.curves["trial_key"].isin(drawn_trials["trial_key"])]
    seed = InstanceSeed(plan.study_seed, problem_plan.name, "evaluation", 0)
    problem = catalog.problem(problem_plan.name, problem_plan.parameters)
    optimum, minimizer = solution_of(problem, seed)
    x, y = (np.linspace(low, high, GRID) for low, high in _bounds(paths, minimizer).tolist())
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    objective = objective_at(problem, seed, grid.reshape(-1, 2)).reshape(len(y), len(x))
    point = None if minimizer is None else (float(minimizer[0]), float(minimizer[1]))
    return Surface(x, y, objective, optimum, point)


def _bounds(paths: pd.DataFrame, minimizer: np.ndarray | None) -> np.ndarray:
    """Return the bounds `[2 axes, low and high]` of a square around start and minimizer; paths may leave it.

    If the minimizer is known, only the starts of the paths count: a single far excursion would shrink the rest.
    """
    points = paths[["theta_0", "theta_1"]].to_numpy(dtype=float)
    if minimizer is None:
        low, high = np.nanquantile(points, [0.1, 0.9], axis=0) if len(points) else (-np.ones(2), np.ones(2))
        center, reach = (low + high) / 2, float((high - low).max()) / 2
    else:
        starts = points[paths["calls"].to_numpy() == 0]
        center, reach = minimizer, float(np.abs(starts - minimizer).max(initial=0.0))
    half_width = (reach or 1.0) * (1 + MARGIN)
    return np.stack([center - half_width, center + half_width], axis=1)
