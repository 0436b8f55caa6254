"""Run and load studies: the Python face of benchbed."""

import os
from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchbed.analysis.frames import results_of
from benchbed.analysis.outcomes import outcomes_of
from benchbed.analysis.results import Results
from benchbed.analysis.tracks import planned_keys
from benchbed.catalog import Catalog, load_catalog
from benchbed.environment import describe_environment
from benchbed.errors import StudyFolderError, UsageError
from benchbed.plan import Plan, complete_request, make_plan
from benchbed.plan.request import as_request
from benchbed.runner.drawing import draw_all
from benchbed.runner.drive import Driver, Progress, Settings
from benchbed.runner.isolation import end_children
from benchbed.store import FINAL, StudyFolder
from benchbed.store.files import write_atomically


class Study:
    """A study folder that has been read: its plan, its trials and what they amount to."""

    def __init__(self, path: Path, plan: Plan, warnings: Sequence[str] = ()) -> None:
        self.path, self.plan, self.warnings = path, plan, list(warnings)
        table = StudyFolder(path).read_trials()
        self.results: Results = results_of(plan, table)
        """The frames that tables and plots are made from."""
        self._table = table

    @property
    def summary(self) -> pd.DataFrame:
        """One row a problem × optimizer × track, with the columns of `summary.csv`."""
        return self.results.summary

    @property
    def measures(self) -> pd.DataFrame:
        """What stands beside the score: one row a problem × optimizer × track, with the columns of `measures.csv`."""
        return self.results.measures

    @property
    def curves(self) -> pd.DataFrame:
        """One row a checkpoint of an evaluation trial."""
        return self.results.curves

    @property
    def trials(self) -> pd.DataFrame:
        """One row a stored trial, `tracks` filled from the newest plan."""
        frame: pd.DataFrame = self._table.to_pandas()
        tracks: dict[str, list[str]] = {}
        for row in self.results.outcomes.itertuples():
            tracks.setdefault(str(row.trial_key), []).append(str(row.track))
        frame["tracks"] = [tracks.get(key, []) for key in frame["trial_key"]]
        return frame

    @property
    def lost(self) -> int:
        """Planned trials that failed, crashed, timed out, ran out of memory or have no row."""
        known = outcomes_of(self._table)
        done = {key for key, outcome in known.items() if outcome.status in FINAL}
        planned = (planned_keys(self.plan, pairing, known) for pairing in self.plan.pairings())
        return sum(len(keys - done) for keys in planned)


class NoProgress(NamedTuple):
    """Say nothing."""

    def planned(self, trials: int) -> None:
        """Ignore it."""

    def finished(self, trials: int, label: str) -> None:
        """Ignore it."""


class Resources(NamedTuple):
    """How a study is run, which no result may depend on."""

    jobs: int | None = None
    timeout: float | None = None
    executor: str = "processes"


def run(
    suite: str | Path | None = None,
    *,
    problems: Sequence[str] | None = None,
    optimizers: Sequence[str] | None = None,
    preset: str | None = None,
    tracks: Sequence[str] | None = None,
    checkpoints: str | None = None,
    steps: int | None = None,
    seeds: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    dtype: str | None = None,
    engine: str | None = None,
    output: str | Path | None = None,
    fresh: bool = False,
    plugin_files: Sequence[str | Path] = (),
    jobs: int | None = None,
    timeout: float | None = None,
    executor: str = "processes",
) -> Study:
    """Run a study and give it; trials that its folder already holds do not run again.

    The arguments are the options of `benchbed run`; lists hold selectors such as "quadratic[start=2]".

    Raises: UsageError, NothingSelectedError or StudyFolderError before any trial runs.
    """
    catalog = load_catalog([Path(file) for file in plugin_files])
    values = {
        "problems": problems, "optimizers": optimizers, "preset": preset, "tracks": tracks, "checkpoints": checkpoints,
        "steps": steps, "seeds": seeds, "seed": seed, "device": device, "dtype": dtype,
        "engine": engine,
    }  # fmt: skip
    request = as_request({name: value for name, value in values.items() if value is not None}, "run()")
    plan = make_plan(catalog, complete_request(catalog, request, None if suite is None else Path(suite)))
    resources = Resources(jobs, timeout, executor)
    files = tuple(str(Path(file).resolve()) for file in plugin_files)
    return run_plan(plan, catalog, folder_of(plan, output), files, resources, fresh=fresh)


def load(path: str | Path) -> Study:
    """Read a study folder. Raises: StudyFolderError if it is none."""
    folder = StudyFolder(Path(path))
    return Study(folder.path, folder.read_plan())


def folder_of(plan: Plan, output: str | Path | None) -> Path:
    """Give the folder of a study: `output`, or `results/` and the plan's name."""
    return Path(output) if output is not None else Path("results") / plan.name


def run_plan(
    plan: Plan,
    catalog: Catalog,
    path: Path,
    plugin_files: tuple[str, ...],
    resources: Resources,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Study:
    """Complete a plan in its folder, write its reports, and give the study."""
    jobs = default_jobs(plan) if resources.jobs is None else resources.jobs
    if jobs < 1 or (resources.timeout is not None and resources.timeout <= 0):
        raise UsageError("jobs and timeout must be positive; leave them out for their defaults")
    pool: Executor = catalog.entry("executors", resources.executor).thing(jobs)
    if fresh:
        _move_aside(path)
    try:
        with StudyFolder(path) as folder:
            stored = {
                key: value
                for key, value in outcomes_of(folder.read_trials(mend=True)).items()
                if value.status in FINAL
            }
            folder.write_plan(plan)
            folder.write_environment(describe_environment(plan, catalog, jobs, resources.executor))
            settings = Settings(jobs, resources.timeout, plugin_files)
            driver = Driver(plan, folder, pool, settings, progress or NoProgress())
            driver.run(stored)
            study = Study(path, plan, [*folder.warnings, *driver.warnings])
            study.warnings += write_reports(study, catalog, plugin_files, pool)
        pool.shutdown()
        return study
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        end_children()


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
        pool: Executor = catalog.entry("executors", "processes").thing(jobs or default_jobs(plan))
        try:
            study = Study(path, plan)
            study.warnings += write_reports(study, catalog, plugin_files, pool, only)
            pool.shutdown()
            return study
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            end_children()


def write_reports(
    study: Study,
    catalog: Catalog,
    plugin_files: tuple[str, ...],
    pool: Executor,
    only: Sequence[str] = (),
) -> list[str]:
    """Write summary, tables and plots; gives a line for each piece that could not be made."""
    complaints = []
    summary = study.summary.to_csv(index=False, lineterminator="\n")
    write_atomically(study.path / "summary.csv", summary.encode())
    for piece, files in draw_all(study.path, study.results, catalog, plugin_files, pool, only):
        if isinstance(files, str):
            complaints.append(f"could not draw {piece}: {files}")
            continue
        for name, content in files.items():
            write_atomically(study.path / name, content)
    return complaints


def default_jobs(plan: Plan) -> int:
    """One job a core that this process may use; one alone on a CUDA device, which they would share."""
    if plan.device.startswith("cuda"):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _move_aside(path: Path) -> None:
    if not path.exists():
        return
    with StudyFolder(path):
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    try:
        path.rename(path.with_name(f"{path.name}.{stamp}"))
    except OSError as error:
        raise StudyFolderError(
            f"cannot move {path} aside: {error.strerror}; choose another folder by -O"
        ) from error


__all__ = ["Study", "load", "run", "run_plan", "write_reports"]
