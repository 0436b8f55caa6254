"""Run the suites that figures are drawn from, draw them, and put them on one page: a course, as experiments."""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from benchbed.catalog import Catalog
from benchbed.catalog.names import quoted, suggestion
from benchbed.errors import NothingSelectedError, UsageError
from benchbed.interfaces import Figure
from benchbed.plan import Plan, complete_request, make_plan
from benchbed.plan.request import Request
from benchbed.reports.gallery import Shown, page
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.store.files import write_atomically
from benchbed.study.figures import FOLDER, FULL, Drawn, Order, draw_figures, measure, write_picture
from benchbed.study.model import Study
from benchbed.study.resources import Resources, jobs_of, start_workers
from benchbed.study.running import complete, study_folder

STUDIES = "studies"
PAGE = "index.html"

Tell = Callable[[str], None]
T = TypeVar("T")


class Course(NamedTuple):
    """A course that has been run."""

    page: Path
    shown: tuple[Shown, ...]
    """Its figures, in the order of the page."""
    warnings: tuple[str, ...]
    lost: int
    """Trials without a result, and figures that could not be drawn."""


class Job(NamedTuple):
    """What every part of a course needs to be run."""

    catalog: Catalog
    folder: Path
    plugin_files: tuple[str, ...]
    resources: Resources
    fresh: bool
    tell: Tell


def run_course(job: Job, parts: Sequence[str] = (), full: bool = False) -> Course:
    """Run what the figures of some parts (all, if none is named) are drawn from, and write their page.

    Raises: UsageError if a part is unknown, NothingSelectedError if no figure has a part.
    """
    figures = figures_of_parts(job.catalog, parts)
    suites = [suite for figure in figures for suite in figure.suites]
    plans = {suite: plan_of(job.catalog, suite, full) for suite in suites}
    jobs = max([jobs_of(plan, job.resources) for plan in plans.values()], default=job.resources.jobs or 1)
    with start_workers(job.catalog, job.resources.executor, jobs) as pool:
        drawn = _measured(job, figures, pool)  # first, while nothing else runs
        studies: list[Study] = []
        for study, pictures in _studies(job, figures, plans, pool):
            studies.append(study)
            drawn += pictures
        drawn += _joint(job, figures, plans, pool)
    names = {suite: plan.name for suite, plan in plans.items()}
    drawn.sort(key=lambda one: figures.index(one.figure))
    shown = tuple(_shown(job.folder, one, names) for one in drawn)
    write_atomically(job.folder / PAGE, page(shown).encode())
    warnings = [f"{study.plan.name}: {line}" for study in studies for line in study.warnings]
    missing = [f"could not draw {one.figure.name}: {one.complaint}" for one in drawn if one.picture is None]
    lost = sum(study.lost for study in studies) + len(missing)
    return Course(job.folder / PAGE, shown, (*warnings, *missing), lost)


def figures_of_parts(catalog: Catalog, parts: Sequence[str]) -> list[Figure]:
    """List the figures of the named parts, or of all, in the order of the parts' numbers."""
    offered: list[Figure] = [
        catalog.entry("figures", name).implementation for name in catalog.names("figures")
    ]
    known = sorted({figure.part for figure in offered if figure.part}, key=_numbers_last)
    by_key = {part.casefold(): part for part in known}
    for part in parts:
        if part.casefold() not in by_key:
            near = suggestion(part, known) or f"; the parts are {', '.join(known)}"
            raise UsageError(f"unknown part {quoted(part)}{near}")
    wanted = [by_key[part.casefold()] for part in parts] or known
    if not wanted:
        raise NothingSelectedError(
            "no installed plugin offers a figure of a course (see `benchbed list figures`)"
        )
    return [figure for part in known if part in wanted for figure in offered if figure.part == part]


def plan_of(catalog: Catalog, suite: str, full: bool) -> Plan:
    """Resolve a registered suite, or its full form where that is asked for and there is one."""
    name = suite + FULL if full and suite + FULL in catalog.names("suites") else suite
    return make_plan(
        catalog, complete_request(catalog, Request(), catalog.entry("suites", name).implementation)
    )


def _numbers_last(part: str) -> list[object]:
    # C2 comes before C10.
    return [int(piece) if piece.isdigit() else piece for piece in re.split(r"(\d+)", part)]


def _measured(job: Job, figures: Sequence[Figure], pool: Workers) -> list[Drawn]:
    found: dict[str, Any] = {}
    drawn: list[Drawn] = []
    for figure in figures:
        if figure.measure is None:
            continue
        job.tell(f"{figure.part}: measuring {figure.title}")
        result = pool.result(pool.submit(measure, Order(figure.name, job.plugin_files)))
        if isinstance(result, WorkerFailure):
            drawn.append(Drawn(figure, None, f"{result.kind}: {result.log.strip()[-500:]}"))
        else:
            found[figure.name] = result
    ready = [figure for figure in figures if figure.name in found]
    return drawn + _pictures(job, ready, pool, measured=found)


def _studies(
    job: Job, figures: Sequence[Figure], plans: Mapping[str, Plan], pool: Workers
) -> list[tuple[Study, list[Drawn]]]:
    """Complete all studies at once, each by a driver of its own, so that the last batch of one leaves no core idle."""

    def study_of(suite: str) -> tuple[Study, list[Drawn]]:
        mine = [figure for figure in figures if figure.suites == (suite,)]
        path = _study_path(job, plans[suite])
        with study_folder(path, job.fresh) as folder:
            study = complete(plans[suite], job.catalog, folder, job.plugin_files, pool, job.resources)
            pictures = _pictures(job, mine, pool, [path])
        parts = dict.fromkeys(figure.part for figure in figures if suite in figure.suites)
        job.tell(f"{', '.join(parts)}: {plans[suite].name} is done")
        return study, pictures

    futures = [_driven(study_of, suite) for suite in sorted(plans, key=lambda suite: -_weight(plans[suite]))]
    return [future.result() for future in futures]


def _driven(work: Callable[[str], T], suite: str) -> Future[T]:
    """Do the work of a suite in a thread of its own.

    It keeps nobody from leaving: where the course is interrupted, it may wait for ever for what was cancelled.
    """
    future: Future[T] = Future()

    def drive() -> None:
        try:
            future.set_result(work(suite))
        except BaseException as error:  # noqa: BLE001 (the future hands it to whoever waits)
            future.set_exception(error)

    threading.Thread(target=drive, name=f"course {suite}", daemon=True).start()
    return future


def _joint(job: Job, figures: Sequence[Figure], plans: Mapping[str, Plan], pool: Workers) -> list[Drawn]:
    """Draw the figures of several suites, which had to wait for all of them."""
    return [
        one
        for figure in figures
        if len(figure.suites) > 1
        for one in _pictures(job, [figure], pool, [_study_path(job, plans[suite]) for suite in figure.suites])
    ]


def _study_path(job: Job, plan: Plan) -> Path:
    return job.folder / STUDIES / plan.name


def _weight(plan: Plan) -> float:
    return sum(problem.dimension * problem.budget for problem in plan.problems) * len(plan.entrants)


def _pictures(
    job: Job, figures: Sequence[Figure], pool: Workers, paths: Sequence[Path] = (), measured: Any = None
) -> list[Drawn]:
    drawn = list(draw_figures(figures, job.plugin_files, pool, paths, measured))
    for figure, picture, _ in drawn:
        if picture is not None:
            write_picture(job.folder / FOLDER, figure, picture)
    return drawn


def _shown(folder: Path, drawn: Drawn, names: Mapping[str, str]) -> Shown:
    figure, picture, complaint = drawn
    source = _source([names[suite] for suite in figure.suites])
    if picture is None:
        return Shown(figure.part, figure.title, f"It could not be drawn: {complaint}", {}, source)
    files = {suffix: f"{FOLDER}/{figure.name}.{suffix}" for suffix in picture.files}
    return Shown(figure.part, figure.title, picture.caption, files, source)


def _source(suites: Sequence[str]) -> str:
    if not suites:
        return "drawn from a measurement of its own"
    return f"drawn from the suite{'s' * (len(suites) > 1)} {' and '.join(suites)}"
