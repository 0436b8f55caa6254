"""Reports of a study folder: summary, tables, plots and figures."""

from collections.abc import Sequence
from pathlib import Path

from benchbed.catalog.lookup import Catalog
from benchbed.errors import StudyFolderError
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.store import StudyFolder
from benchbed.store.files import write_atomically
from benchbed.study.figures import FOLDER, draw_by_workers, figures_of, write_picture
from benchbed.study.model import Study
from benchbed.study.report_tasks import draw_reports
from benchbed.study.resources import default_jobs, start_workers


def report(
    path: Path,
    catalog: Catalog,
    plugin_files: tuple[str, ...],
    jobs: int | None = None,
    only: Sequence[str] = (),
) -> Study:
    """Write all reports of a study folder again, or `only` the named ones, and return the study."""
    for name in only:
        catalog.entry("reports", name)  # raises for an unknown name before anything is written
    if not path.exists():
        raise StudyFolderError(f"{path} does not exist; pass the folder that `benchbed run` named")
    with StudyFolder(path) as folder:
        plan = folder.read_plan()
        study = Study(path, plan)
        with start_workers(catalog, "processes", jobs or default_jobs(plan)) as workers:
            study.warnings += write_reports(study, catalog, plugin_files, workers, only)
        return study


def write_reports(
    study: Study,
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
    write_atomically(study.path / "summary.csv", summary.encode())
    for description, files in pieces:
        if isinstance(files, str):
            warnings.append(f"could not draw {description}: {files}")
            continue
        for name, content in files.items():
            write_atomically(study.path / name, content)
    figures = [] if only else figures_of(catalog, study.plan.name)
    for figure, picture in draw_by_workers(figures, plugin_files, workers, [study.path]):
        if isinstance(picture, WorkerFailure):
            warnings.append(f"could not draw {figure.name}: {picture.kind}: {picture.message}")
        else:
            write_picture(study.path / FOLDER, figure, picture)
    return warnings
