"""Run of a study: its missing trials, then its reports."""

import contextlib
import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from benchbed.catalog.lookup import Catalog
from benchbed.catalog.names import quoted
from benchbed.environment import describe_environment
from benchbed.errors import CONTINUES, StudyFolderError, UsageError
from benchbed.formatting import absolute_path, plural
from benchbed.interfaces import FINAL_STATUSES
from benchbed.plan import Plan, complete_request, parse_shard
from benchbed.plan.request import as_request
from benchbed.runner.cores import usable_cores
from benchbed.runner.fork_server import temporary_folder
from benchbed.runner.progress import Progress, show_progress
from benchbed.runner.scheduler import RunOptions, Scheduler
from benchbed.runner.workers import Workers
from benchbed.store import StudyFolder, retire_other_plan
from benchbed.store.files import unused
from benchbed.store.folder import SUITE
from benchbed.study.execution import drawing_jobs, local_workers, start_workers
from benchbed.study.loading import add_objects, check_files, open_catalog
from benchbed.study.model import Study, describe_mismatches
from benchbed.study.planning import plan_request
from benchbed.study.reporting import write_reports
from benchbed.study.resources import LOCAL, Allocation, Resources, allocate
from benchbed.study.selection import ObjectSelector, OptimizerChoice, ProblemChoice
from benchbed.tuning.outcomes import outcome_columns, outcomes_of


def run(
    suite: str | Path | None = None,
    *,
    problems: Sequence[ProblemChoice] | None = None,
    optimizers: Sequence[OptimizerChoice] | None = None,
    preset: str | None = None,
    tracks: Sequence[str] | None = None,
    checkpoints: str | None = None,
    steps: int | None = None,
    seeds: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    dtype: str | None = None,
    gradient: str | None = None,
    engine: str | None = None,
    tolerance: float | None = None,
    stop_when_solved: bool | None = None,
    skip_unusable: bool | None = None,
    shard: str | None = None,
    output: str | Path | None = None,
    fresh: bool = False,
    plugin_files: Sequence[str | Path] = (),
    allow_import: bool = False,
    jobs: int | None = None,
    timeout: float | None = None,
    executor: str = LOCAL,
    memory: str | None = None,
    progress: bool = False,
) -> Study:
    """Run a study and return it; trials that its folder already contains do not run again.

    The arguments are the options of `benchbed run`; lists contain selectors such as "quadratic[start=2]", or objects:
    problems and their classes; functions that return an `Optimizer`, classes of torch, `functools.partial` of both, and
    optimizers. An object has the name of its function or class in tables, or that of a pair `("name", object)`. With
    `checkpoints="all"` every trial is measured after each of its steps instead of at the protocol's checkpoints: its
    objective, and its gradient norm if a full gradient costs at most one call. With `skip_unusable` the study leaves
    out selectors that cannot be used, and has a warning for each. `shard` is a share such as "3/16" of the pairings.
    `memory` is that of each process that runs batches, such as "4G".
    With `progress` a bar counts the trials, below the cell of a notebook or on a terminal; elsewhere a line every ten
    seconds.

    Raises: UsageError, NothingSelectedError or StudyFolderError before any trial runs.
    """
    selected_shard = None if shard is None else parse_shard(shard)
    files = [Path(file) for file in plugin_files]
    catalog = open_catalog(files, timeout, executor)
    check_files(catalog, files)
    with TemporaryDirectory(dir=temporary_folder()) as folder, show_progress(progress) as display:
        objects = ObjectSelector(catalog, Path(folder))
        values = {
            "problems": objects.problems(problems), "optimizers": objects.optimizers(optimizers), "preset": preset,
            "tracks": tracks, "checkpoints": checkpoints, "steps": steps, "seeds": seeds, "seed": seed,
            "device": device, "dtype": dtype, "gradient": gradient, "engine": engine, "tolerance": tolerance,
            "stop_when_solved": stop_when_solved, "skip_unusable": skip_unusable,
        }  # fmt: skip
        catalog = add_objects(catalog, objects.files, timeout, executor)
        request = as_request({name: value for name, value in values.items() if value is not None}, "run()")
        request = complete_request(catalog, request, None if suite is None else Path(suite), allow_import)
        resolved_files = tuple(absolute_path(file) for file in [*files, *objects.files])
        plan, warnings = plan_request(catalog, request, resolved_files, timeout, executor)
        plan, resources = plan.of_shard(selected_shard), Resources(jobs, timeout, executor, memory)
        study = run_plan(plan, catalog, folder_of(plan, output), resolved_files, resources, fresh, display)
        study.warnings[:0] = warnings
        return study


def folder_of(plan: Plan, output: str | Path | None) -> Path:
    """Return the folder of a study: `output`, or `results/` and the name of the plan, with the shard if it is one."""
    if output is not None:
        return Path(output)
    suffix = "" if plan.shard is None else f"-{plan.shard.number}-of-{plan.shard.count}"
    return Path("results") / f"{plan.name}{suffix}"


def run_plan(
    plan: Plan,
    catalog: Catalog,
    path: Path,
    plugin_files: tuple[str, ...],
    resources: Resources,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Study:
    """Run the missing trials of a plan, write its reports and figures, and return the study."""
    allocation = allocate(plan, resources)
    with (
        resumable(),
        start_workers(
            catalog, resources.executor, allocation.jobs, allocation.cores, allocation.devices
        ) as workers,
    ):
        if resources.memory is not None and not workers.is_isolated:  # before an old folder is renamed
            raise UsageError(
                f"executor {quoted(resources.executor)} runs batches in this process, whose memory has no limit; "
                "omit --memory"
            )
        with study_folder(path, fresh) as folder:
            study = complete(plan, catalog, folder, plugin_files, workers, resources, allocation, progress)
            with local_workers(workers, allocation.cores) as drawing:
                study.warnings += write_reports(
                    study, folder, catalog, plugin_files, drawing, timeout=resources.timeout
                )
    return study


@contextlib.contextmanager
def resumable() -> Iterator[None]:
    """Add to an interrupt of the block that the same command continues the study."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(CONTINUES)
        raise


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
        raise StudyFolderError(f"{path} does not exist; pass the folder that `benchbed run` printed")
    with StudyFolder(path, advice="copy it to a folder that can be written") as folder:
        plan = folder.read_plan()
        study = Study(path, plan, retire_other_plan(folder, plan))
        with start_workers(catalog, LOCAL, jobs or drawing_jobs()) as workers:
            study.warnings += write_reports(study, folder, catalog, plugin_files, workers, only)
        if missing := study.missing:
            shard = [] if plan.shard is None else ["--shard", str(plan.shard)]
            plugins = [word for file in plugin_files for word in ("--plugin", file)]
            command = shlex.join(["benchbed", "run", str(path / SUITE), *shard, *plugins, "-O", str(path)])
            verb = "has" if missing == 1 else "have"
            study.warnings.append(
                f"{plural(missing, 'planned trial')} {verb} no row yet; complete the study with `{command}`"
            )
        return study


def study_folder(path: Path, fresh: bool) -> StudyFolder:
    """Return a study folder to be used as a context manager; `fresh` renames an existing one first."""
    if fresh and path.exists():
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        with StudyFolder(path):
            try:
                path.rename(unused(path.with_name(f"{path.name}.{stamp}")))
            except (OSError, ValueError) as error:  # ValueError: "." has no name
                reason = error.strerror if isinstance(error, OSError) else "it is the working directory"
                raise StudyFolderError(
                    f"cannot rename the old folder {path}: {reason}; choose another folder with -O"
                ) from error
    return StudyFolder(path)


def complete(
    plan: Plan,
    catalog: Catalog,
    folder: StudyFolder,
    plugin_files: tuple[str, ...],
    workers: Workers,
    resources: Resources,
    allocation: Allocation,
    progress: Progress | None = None,
) -> Study:
    """Run the missing trials of a plan into an open folder and return the study, without writing reports.

    `allocation` is that of the workers.
    """
    trials = folder.read_trials(
        plan, repair=True, select=lambda part: outcome_columns(part, ("metric_sources",))
    )
    folder.warnings += describe_mismatches(folder, plan, trials)
    metric_sources = trials["metric_sources"].to_pylist()
    # A trial whose metrics were edited runs again. One without a metric that was added keeps its other results.
    is_current = [plan.has_metrics(dict(sources or ())) for sources in metric_sources]
    for name in plan.metrics:
        lacking = sum(name not in dict(sources or ()) for sources in metric_sources)
        if lacking:
            folder.warnings.append(
                f"{lacking} stored trials have no value of the metric {name}, which was registered later; run them "
                "again by --fresh"
            )
    outcomes = {
        key: outcome
        for key, outcome in outcomes_of(trials.filter(pa.array(is_current, pa.bool_()))).items()
        if outcome.status in FINAL_STATUSES
    }
    folder.warnings += retire_other_plan(folder, plan)
    folder.write_plan(plan)
    folder.write_environment(
        describe_environment(plan, catalog, allocation.jobs, resources.executor, usable_cores())
    )
    options = RunOptions(
        allocation.jobs, resources.timeout, plugin_files, catalog, allocation.memory, allocation.cores
    )
    scheduler = Scheduler(plan, folder, workers, options, progress or Progress())
    scheduler.run(outcomes)
    return Study(folder.path, plan, [*folder.warnings, *scheduler.warnings])
