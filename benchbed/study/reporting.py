"""Reports of a study folder: workers draw the files of every report and figure in parallel."""

import functools
import itertools
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from benchbed.analysis.results import build_results
from benchbed.catalog.lookup import Catalog
from benchbed.formatting import exception_line, markdown_cell, on_one_line, slugs
from benchbed.interfaces.results import Report, Results
from benchbed.reports.ranking import limit_optimizers
from benchbed.runner.global_state import default_global_state
from benchbed.runner.task import catalog_of
from benchbed.runner.third_party import plugins_of
from benchbed.runner.workers import Work, WorkerFailure, Workers
from benchbed.store import Outputs, StudyFolder
from benchbed.study.figures import FOLDER, draw_by_workers, figures_of, files_of
from benchbed.study.model import Study, read_curves, result_columns
from benchbed.study.provenance import provenance_of
from benchbed.study.reference_files import newest_references
from benchbed.study.reference_matching import with_references
from benchbed.study.surfaces import Surfaces

NOT_APPLICABLE = "this study contains no problem that it applies to"
PAGE_REPORT = "page"
"""Name of the report that shows reference results."""
MOST_PIECES = 10_000
"""Pieces of a report; a third-party one may list them without end."""
LEAST_SECONDS = 60.0
"""Least time limit of drawing, which takes longer than a batch."""


class ReportTask(msgspec.Struct, frozen=True):
    """A report of a study folder, or one piece of it; crosses processes as JSON."""

    folder: str
    report: str
    plugin_files: tuple[str, ...]
    token: str
    """Differs between two calls: a process reads the folder once for each, because it may have grown."""
    piece: str = ""
    third_party: tuple[str, ...] = ()
    """Names of the third-party plugins that the process loads."""


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
    timeout: float | None = None,
) -> list[str]:
    """Write summary, tables, plots and the figures of the suite; return a warning for each that failed.

    Files of reference results that the page cannot use have a warning each.
    A file with the reason takes the place of a piece that could not be drawn.
    """
    names = only or drawn_reports(catalog)
    warnings = newest_references()[1] if PAGE_REPORT in names else []
    timeout = None if timeout is None else max(timeout, LEAST_SECONDS)
    pieces = draw_reports(study.path, catalog, plugin_files, workers, only, timeout)
    # This process reads the study while the workers do.
    summary = study.summary.to_csv(index=False, lineterminator="\n")
    outputs = Outputs(folder, study.plan)

    def write(report: str, description: str, place: str, files: Mapping[str, bytes] | str) -> None:
        if isinstance(files, str):
            warnings.append(f"could not draw {description}: {files}")
            text = f"# {markdown_cell(description)}\n\nThis could not be drawn: {markdown_cell(files)}\n"
            files = {} if files == NOT_APPLICABLE else {place: text.encode()}
        for name, content in files.items():
            try:
                outputs.write(report, name, content)
            except ValueError as error:
                warnings.append(f"could not draw {description}: {error}")

    outputs.write("", "summary.csv", summary.encode())
    for report, description, files in pieces:
        write(report, description, f"plots/{slugs([description])[description]}.md", files)
    figures = [] if only else figures_of(catalog, study.plan.name)
    for figure, picture in draw_by_workers(
        figures, catalog, plugin_files, workers, [study.path], timeout=timeout
    ):
        files = _describe(picture) if isinstance(picture, WorkerFailure) else files_of(figure, picture)
        write(FOLDER, figure.name, f"{FOLDER}/{figure.name}.md", files)
    return [*warnings, *outputs.finish([*(only or ("", FOLDER, *names))])]


def drawn_reports(catalog: Catalog) -> list[str]:
    """Return the names of the reports that are not optional."""
    reports = catalog.entries["reports"].items()
    return [name for name, entry in reports if not getattr(entry.implementation, "optional", False)]


def draw_reports(
    folder: Path,
    catalog: Catalog,
    plugin_files: tuple[str, ...],
    workers: Workers,
    only: Collection[str] = (),
    timeout: float | None = None,
) -> Iterator[DrawnPiece]:
    """Submit all reports that are not optional, or `only` the named ones, and yield their pieces as they are drawn.

    Raises: UsageError if a name is unknown.
    """
    names = only or drawn_reports(catalog)
    folder_name, token = str(folder.resolve()), uuid.uuid4().hex
    problems = catalog.entries["problems"].values()  # reports draw the surfaces of two-dimensional ones
    tasks = []
    for name in names:
        third_party = plugins_of([catalog.entry("reports", name), *problems])
        tasks.append(ReportTask(folder_name, name, plugin_files, token, third_party=third_party))

    # Workers list the pieces too: they have loaded the drawing modules, which this process would import for a second.
    def submit(work: Work, task: ReportTask) -> Future[Any]:
        # What a third-party report changes in its process must not reach another report.
        is_built_in = catalog.entry("reports", task.report).built_in
        owner = f"report {'' if is_built_in else task.report}" if task.third_party else None
        return workers.submit(work, task, timeout, owner)

    futures = [submit(list_pieces, task) for task in tasks]
    return _draw_pieces(tasks, futures, submit, must_apply=bool(only))


def _draw_pieces(
    tasks: Sequence[ReportTask],
    piece_lists: Sequence[Future[Any]],
    submit: Callable[[Work, ReportTask], Future[Any]],
    must_apply: bool,
) -> Iterator[DrawnPiece]:
    # Not part of `draw_reports`, whose tasks are submitted before the first piece is asked for.
    futures = {}
    for task, future in zip(tasks, piece_lists, strict=True):
        pieces = Workers.result(future)
        if isinstance(pieces, WorkerFailure):
            yield DrawnPiece(task.report, task.report, _describe(pieces))
        elif must_apply and not pieces:
            yield DrawnPiece(task.report, task.report, NOT_APPLICABLE)
        else:
            for piece in pieces:
                piece_task = msgspec.structs.replace(task, piece=piece)
                description = f"{task.report} of {piece or 'all problems'}"
                futures[submit(draw_piece, piece_task)] = task.report, description
    for future in as_completed(futures):
        files = Workers.result(future)
        yield DrawnPiece(*futures[future], _describe(files) if isinstance(files, WorkerFailure) else files)


def _describe(failure: WorkerFailure) -> str:
    return on_one_line(f"{failure.kind}: {exception_line(failure.log) or 'no error message'}")


def list_pieces(encoded: bytes) -> list[str]:
    """Return the names of the pieces of a report, in a worker."""
    report, results, _ = _read(encoded)
    return [str(piece) for piece in itertools.islice(report.pieces(results), MOST_PIECES)]


def draw_piece(encoded: bytes) -> dict[str, bytes]:
    """Draw one piece of a report, in a worker, and return its files by name.

    Raises: TypeError if a report returns something else.
    """
    report, results, piece = _read(encoded)
    with default_global_state():
        files = dict(report.draw(results, piece))
    drawn: dict[Any, Any] = dict(files)  # of a plugin, which may ignore the annotations
    for name, content in drawn.items():
        if not isinstance(name, str) or not isinstance(content, bytes):
            kinds = f"{type(name).__name__}: {type(content).__name__}"
            raise TypeError(f"draw returned {{{kinds}}}; it must return the bytes of each file by its name")
    return files


def _read(encoded: bytes) -> tuple[Report, Results, str]:
    task = msgspec.json.decode(encoded, type=ReportTask)
    with default_global_state():
        catalog = catalog_of(task.plugin_files, task.third_party)
        report = catalog.entry("reports", task.report).implementation
        return report, read_results(task.folder, task.plugin_files, task.third_party, task.token), task.piece


@functools.lru_cache(maxsize=1)
def read_results(
    folder: str, plugin_files: tuple[str, ...], third_party: tuple[str, ...], token: str
) -> Results:
    """Read the results of a finished study, once for each process and `token`.

    Curves are those of the optimizers that charts contain.
    """
    study = StudyFolder(Path(folder))
    plan = study.read_plan()
    results = build_results(plan, study.read_trials(plan, select=result_columns))
    charted = read_curves(study, limit_optimizers(results)[0])
    results = results._replace(curves=charted.curves)
    return with_references(results, plan)._replace(
        surfaces=Surfaces(plan, results, catalog_of(plugin_files, third_party)),
        provenance=provenance_of(plan, study),
    )
