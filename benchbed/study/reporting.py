"""Write the reports of a study folder: summary, tables and plots."""

from collections.abc import Sequence
from pathlib import Path

from benchbed.catalog import Catalog
from benchbed.errors import StudyFolderError
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.store import StudyFolder
from benchbed.store.files import write_atomically
from benchbed.study.figures import FOLDER, draw_by_workers, figures_of, write_picture
from benchbed.study.model import Study
from benchbed.study.report_tasks import draw_all
from benchbed.study.resources import default_jobs, start_workers


def report(
    path: Path,
    catalog: Catalog,
    plugin_files: tuple[str, ...],
    jobs: int | None = None,
    only: Sequence[str] = (),
) -> Study:
    """Write the reports of a study folder again, or `only` those that are named, and give the study."""
    for name in only:
        catalog.entry("reports", name)  # an unknown name is refused before anything is written
    if not path.exists():
        raise StudyFolderError(f"{path} does not exist; give the folder that `benchbed run` named")
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
    """Write summary, tables, plots and the figures of the suite; gives a line for each that could not be made."""
    complaints = []
    drawn = draw_all(study.path, catalog, plugin_files, workers, only)
    # While the workers read the study as well.
    summary = study.summary.to_csv(index=False, lineterminator="\n")
    write_atomically(study.path / "summary.csv", summary.encode())
    for piece, files in drawn:
        if isinstance(files, str):
            complaints.append(f"could not draw {piece}: {files}")
            continue
        for name, content in files.items():
            write_atomically(study.path / name, content)
    figures = [] if only else figures_of(catalog, study.plan.name)
    for figure, picture in draw_by_workers(figures, plugin_files, workers, [study.path]):
        if isinstance(picture, WorkerFailure):
            complaints.append(f"could not draw {figure.name}: {picture.kind}: {picture.message}")
        else:
            write_picture(study.path / FOLDER, figure, picture)
    return complaints
