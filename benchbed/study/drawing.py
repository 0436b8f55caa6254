"""Run the suites of several figures together on the same workers, and draw the figures."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.lookup import Catalog
from benchbed.interfaces import Figure, Picture
from benchbed.plan import Plan
from benchbed.runner.third_party import plugins_of
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.store.files import inside, write_atomically
from benchbed.study.execution import local_workers, start_workers
from benchbed.study.figure_plans import add_optimizers, plan_of
from benchbed.study.figures import FOLDER, FigureTask, draw_by_workers, files_of, measure
from benchbed.study.loading import check_files
from benchbed.study.losses import describe_losses
from benchbed.study.model import Study
from benchbed.study.resources import Allocation, Resources, allocate_shared
from benchbed.study.running import complete, resumable, study_folder

STUDIES = "studies"
"""Subfolder of the output with one study for each suite."""

LOG_CHARACTERS = 500
"""The log of a failed measurement is cut to its last characters."""


class FigureResult(NamedTuple):
    """A figure that was drawn, or the reason that it could not be drawn."""

    figure: Figure
    suites: tuple[str, ...]
    """Names of the suites that were run for it; empty if the figure has a measurement of its own."""
    files: Mapping[str, str]
    """Paths of its images below the output folder, by suffix; empty if it could not be drawn."""
    caption: str
    error: str | None


class FigureRun(NamedTuple):
    """The results of all requested figures, in the order of the request."""

    results: tuple[FigureResult, ...]
    warnings: tuple[str, ...]
    lost: int
    """Number of trials without a result and of figures that could not be drawn."""


class _Session(NamedTuple):
    """The arguments that measuring, running and drawing share."""

    figures: Sequence[Figure]
    plans: Mapping[str, Plan]
    """Plan of each suite."""
    catalog: Catalog
    output: Path
    plugin_files: tuple[str, ...]
    resources: Resources
    allocation: Allocation
    fresh: bool
    workers: Workers
    drawing: Workers
    """Workers on this machine, which read the folders of studies."""
    notify: Callable[[str], None]

    def folder(self, suite: str) -> Path:
        return self.output / STUDIES / self.plans[suite].name


def draw_figures(
    names: Sequence[str],
    output: str | Path,
    *,
    optimizers: Sequence[str] = (),
    full: bool = False,
    fresh: bool = False,
    plugin_files: Sequence[str | Path] = (),
    jobs: int | None = None,
    executor: str = "processes",
    notify: Callable[[str], None] | None = None,
) -> FigureRun:
    """Run the suites of registered figures, draw the figures, and write both into the folder `output`.

    Studies are written to `studies/`, images and captions to `figures/`. Trials that a study already holds do not run
    again, unless `fresh` moves the old study aside. With `full` a suite is replaced by the one named `<suite>-full`, if
    there is one. `optimizers` are selectors of further optimizers, which the figures with `takes_optimizers` also
    draw. `notify` receives one line for each measurement that starts and each study that is done.

    Raises: UsageError for an unknown figure, a plugin file that cannot be loaded, an optimizer that cannot be used, or
        optimizers if no figure takes them; StudyFolderError for a folder that cannot be used.
    """
    paths = [Path(file) for file in plugin_files]
    catalog = load_catalog(paths)
    check_files(catalog, paths)
    figures: list[Figure] = [catalog.entry("figures", name).implementation for name in names]
    files = tuple(str(Path(file).resolve()) for file in plugin_files)
    plans = {suite: plan_of(catalog, suite, full) for figure in figures for suite in figure.suites}
    plans, warnings = add_optimizers(catalog, plans, figures, optimizers, files, executor)
    resources = Resources(jobs=jobs, executor=executor)
    allocation = allocate_shared(plans.values(), resources)
    with (
        resumable(),
        start_workers(catalog, executor, allocation.jobs, allocation.cores, allocation.devices) as workers,
        local_workers(workers, allocation.cores) as drawing,
    ):
        session = _Session(
            figures, plans, catalog, Path(output), files, resources, allocation, fresh, workers, drawing,
            notify or (lambda _: None),
        )  # fmt: skip
        # Measurements first: they take times, and nothing else may run meanwhile.
        pictures = _draw_measurements(session)
        studies, study_pictures = _run_studies(session)
        pictures |= study_pictures
        for figure in figures:
            if len(figure.suites) > 1:  # drawn last, since all of its studies must be done
                pictures |= _draw(session, [figure], [session.folder(suite) for suite in figure.suites])
    results = [_result(session, figure, pictures[figure.name]) for figure in figures]
    warnings += [
        f"{study.plan.name}: {line}"
        for study in studies
        for line in (*study.warnings, *describe_losses(study.losses))
    ]
    failures = [f"could not draw {result.figure.name}: {result.error}" for result in results if result.error]
    lost = sum(study.lost for study in studies) + len(failures)
    return FigureRun(tuple(results), (*warnings, *failures), lost)


def _result(session: _Session, figure: Figure, picture: Picture | str) -> FigureResult:
    """Describe a figure by its picture, or by the reason that there is none."""
    suites = tuple(session.plans[suite].name for suite in figure.suites)
    if isinstance(picture, str):
        return FigureResult(figure, suites, {}, "", picture)
    images = {suffix: f"{FOLDER}/{figure.name}.{suffix}" for suffix in picture.files}
    return FigureResult(figure, suites, images, picture.caption, None)


def _draw_measurements(session: _Session) -> dict[str, Picture | str]:
    """Measure one figure after the other, then draw them."""
    measurements: dict[str, Any] = {}
    pictures: dict[str, Picture | str] = {}
    for figure in session.figures:
        if figure.measure is None:
            continue
        session.notify(f"measuring {figure.title}")
        third_party = plugins_of([session.catalog.entry("figures", figure.name)])
        task = FigureTask(figure.name, session.plugin_files, third_party=third_party)
        result = session.drawing.result(session.drawing.submit(measure, task, owner=task.owner))
        if isinstance(result, WorkerFailure):
            pictures[figure.name] = f"{result.kind}: {result.log.strip()[-LOG_CHARACTERS:]}"
        else:
            measurements[figure.name] = result
    measured = [figure for figure in session.figures if figure.name in measurements]
    return pictures | _draw(session, measured, measurements=measurements)


def _run_studies(session: _Session) -> tuple[list[Study], dict[str, Picture | str]]:
    """Complete all studies, each in a thread of its own, so that the last batch of one leaves no core idle."""
    pictures: dict[str, Picture | str] = {}

    def run(suite: str, future: Future[Study]) -> None:
        figures = [figure for figure in session.figures if figure.suites == (suite,)]
        plan = session.plans[suite]
        try:
            with study_folder(session.folder(suite), session.fresh) as folder:
                study = complete(
                    plan,
                    session.catalog,
                    folder,
                    session.plugin_files,
                    session.workers,
                    session.resources,
                    session.allocation,
                )
                pictures.update(_draw(session, figures, [folder.path]))
            session.notify(f"{plan.name} is done")
            future.set_result(study)
        except BaseException as error:  # noqa: BLE001 (raised again by the caller, which waits for the future)
            future.set_exception(error)

    def work(suite: str) -> float:
        plan = session.plans[suite]
        return sum(problem.dimension * problem.budget for problem in plan.problems) * len(plan.entrants)

    futures: list[Future[Study]] = []
    for suite in sorted(session.plans, key=work, reverse=True):  # the longest study first
        futures.append(Future())
        # A daemon: after an interrupt it may wait forever for tasks that were cancelled.
        thread = threading.Thread(target=run, args=(suite, futures[-1]), name=f"study {suite}", daemon=True)
        thread.start()
        if not session.workers.is_isolated:  # tasks of one process share the state of torch and matplotlib
            thread.join()
    return [future.result() for future in futures], pictures


def _draw(
    session: _Session,
    figures: Sequence[Figure],
    folders: Sequence[Path] = (),
    measurements: Mapping[str, Any] | None = None,
) -> dict[str, Picture | str]:
    """Draw and write figures; return by name the picture, or the reason that there is none."""
    pictures: dict[str, Picture | str] = {}
    for figure, result in draw_by_workers(
        figures, session.catalog, session.plugin_files, session.drawing, folders, measurements
    ):
        if isinstance(result, WorkerFailure):
            pictures[figure.name] = f"{result.kind}: {result.message}"
        else:
            pictures[figure.name] = result
            for name, content in files_of(figure, result).items():
                write_atomically(inside(session.output, name), content)
    return pictures
