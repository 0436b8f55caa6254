"""Workers that draw the files of every report in parallel, from the study folder."""

import functools
import uuid
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from benchbed.analysis.results import build_results
from benchbed.catalog import Catalog
from benchbed.engine import objective_at, solution_of
from benchbed.errors import BenchbedError
from benchbed.interfaces.results import Results, Surface
from benchbed.plan import Plan, ProblemPlan
from benchbed.runner.global_state import default_global_state
from benchbed.runner.task import catalog_of
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.seeds import InstanceSeed
from benchbed.store import StudyFolder

GRID = 121
"""Points of a surface along each axis."""
MARGIN = 0.3
"""Share of the way from the minimizer to the start that is shown beyond it."""


class Drawing(msgspec.Struct, frozen=True):
    """A report to be made from a folder, or one piece of it."""

    folder: str
    report: str
    plugin_files: tuple[str, ...]
    token: str
    """Differs between two calls: a process reads the folder once for each, as it may have grown in between."""
    piece: str = ""


Made = tuple[str, dict[str, bytes] | str]
"""What was to be drawn, and its files by name, or a line that says why there are none."""


def draw_all(
    folder: Path,
    catalog: Catalog,
    plugin_files: tuple[str, ...],
    workers: Workers,
    only: Collection[str] = (),
) -> Iterator[Made]:
    """Have the workers begin, and give every piece of every report as it comes.

    Where `only` names some reports, these alone; an optional one is made only then.

    Raises: UsageError if a name is unknown.
    """
    place, token = str(folder.resolve()), uuid.uuid4().hex
    reports = [
        Drawing(place, catalog.entry("reports", name).name, plugin_files, token)
        for name in only or _usual(catalog)
    ]
    # By the workers as well: they have what the drawing modules import, which takes this process a second.
    listed = [workers.submit(list_pieces, report) for report in reports]
    return _drawn(reports, listed, workers, must_apply=bool(only))


def _drawn(
    reports: Sequence[Drawing], listed: Sequence[Future[Any]], workers: Workers, must_apply: bool
) -> Iterator[Made]:
    futures = {}
    for report, future in zip(reports, listed, strict=True):
        pieces = workers.result(future)
        if isinstance(pieces, WorkerFailure):
            yield report.report, _complaint(pieces)
        elif must_apply and not pieces:
            yield report.report, "there is nothing in this study that it applies to"
        else:
            for piece in pieces:
                drawing = msgspec.structs.replace(report, piece=piece)
                futures[workers.submit(draw, drawing)] = f"{report.report} of {piece or 'all problems'}"
    for future in as_completed(futures):
        files = workers.result(future)
        yield futures[future], _complaint(files) if isinstance(files, WorkerFailure) else files


def _complaint(failure: WorkerFailure) -> str:
    return f"{failure.kind}: {failure.log.strip()}"


def _usual(catalog: Catalog) -> list[str]:
    things = {name: catalog.entry("reports", name).implementation for name in catalog.names("reports")}
    return [name for name, thing in things.items() if not getattr(thing, "optional", False)]


def list_pieces(encoded: bytes) -> list[str]:
    """Name the pieces of a report where the work is done."""
    report, results, _ = _read(encoded)
    return [str(piece) for piece in report.pieces(results)]


def draw(encoded: bytes) -> dict[str, bytes]:
    """Make one piece where the work is done."""
    report, results, piece = _read(encoded)
    with default_global_state():
        return dict(report.draw(results, piece))


def _read(encoded: bytes) -> tuple[Any, Results, str]:
    drawing = msgspec.json.decode(encoded, type=Drawing)
    with default_global_state():
        report = catalog_of(drawing.plugin_files).entry("reports", drawing.report).implementation
        return report, read_results(drawing.folder, drawing.plugin_files, drawing.token), drawing.piece


@functools.lru_cache(maxsize=1)
def read_results(folder: str, plugin_files: tuple[str, ...], token: str) -> Results:
    """Read a finished study once a process and `token`."""
    study = StudyFolder(Path(folder))
    plan, trials = study.read_plan(), study.read_trials()
    results = build_results(plan, trials)
    return results._replace(surfaces=surfaces_of(plan, results, catalog_of(plugin_files)))


def surfaces_of(plan: Plan, results: Results, catalog: Catalog) -> dict[str, Surface]:
    """Evaluate the objective around the shown paths of every two-dimensional problem that is installed."""
    surfaces = {}
    for problem in plan.problems:
        if problem.dimension != 2:
            continue
        try:
            surfaces[problem.label] = _surface(plan, problem, results, catalog)
        except BenchbedError:
            continue  # its plugin is not installed here, so there is no figure of its paths
    return surfaces


def _surface(plan: Plan, problem: ProblemPlan, results: Results, catalog: Catalog) -> Surface:
    shown = results.outcomes.query("problem == @problem.label and seed == 0 and gap < inf")
    paths = results.curves[results.curves["trial_key"].isin(shown["trial_key"])]
    seed = InstanceSeed(plan.study_seed, problem.name, "evaluation", 0)
    thing = catalog.problem(problem.name, problem.parameters)
    optimum, minimizer = solution_of(thing, seed)
    frame = _frame(paths, minimizer)
    x, y = (np.linspace(low, high, GRID) for low, high in frame.tolist())
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    objective = objective_at(thing, seed, grid.reshape(-1, 2)).reshape(len(y), len(x))
    point = None if minimizer is None else (float(minimizer[0]), float(minimizer[1]))
    return Surface(x, y, objective, optimum, point)


def _frame(paths: pd.DataFrame, minimizer: np.ndarray | None) -> np.ndarray:
    """Give the bounds `[2 axes, low and high]` of a square around start and minimizer; paths may leave it.

    A single far excursion must not shrink all that matters to a point, so no path but its start has a say where
    the minimizer is known.
    """
    points = paths[["theta_0", "theta_1"]].to_numpy(dtype=float)
    starts = points[paths["calls"].to_numpy() == 0]
    if minimizer is None:
        low, high = np.nanquantile(points, [0.1, 0.9], axis=0) if len(points) else (-np.ones(2), np.ones(2))
        center, reach = (low + high) / 2, float((high - low).max()) / 2
    else:
        center, reach = minimizer, float(np.abs(starts - minimizer).max(initial=0.0))
    half = (reach or 1.0) * (1 + MARGIN)
    return np.stack([center - half, center + half], axis=1)
