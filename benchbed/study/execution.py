"""Choice of an executor: a registered one, or any function that returns an executor."""

import contextlib
import functools
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

from benchbed import executors
from benchbed.catalog.lookup import Catalog
from benchbed.catalog.names import error_line, quoted
from benchbed.errors import UsageError
from benchbed.plan.selectors import parse_selector
from benchbed.runner.device_workers import DeviceWorkers
from benchbed.runner.fork_server import starting_process
from benchbed.runner.remote_workers import RemoteWorkers
from benchbed.runner.workers import Workers
from benchbed.study.resources import fitting_processes

DRAWING_BYTES = 512 << 20
"""Memory of a process that draws plots: the libraries of a batch, of statistics and of plots."""
EXTRAS = {"distributed": "dask", "submitit": "slurm"}
"""Extras of benchbed by the package that they install."""
JOBS_PARAMETERS = ("jobs", "max_workers")
"""Names of the parameter by which functions of other packages receive the number of jobs."""


def start_workers(
    catalog: Catalog, executor: str, jobs: int, cores: int | None = None, devices: Sequence[str] = ()
) -> Workers:
    """Return the workers of an executor, to be used as a context manager.

    `executor` is a selector: a registered name such as `dask`, the same with an address such as
    `dask:tcp://host:8786`, or `module:function`; each may have arguments in brackets. `jobs` tasks run at a time; those
    on this machine share `cores`, None for one each, or CUDA devices, such as "cuda:0".

    Raises: UsageError if the executor is unknown, or cannot be started.
    """
    name, parameters = parse_selector(executor)
    build = _builder(catalog, name, parameters, jobs)
    try:
        with starting_process():
            started = build()
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(error.name or "")
        advice = (
            f"python -m pip install 'benchbed[{extra}]'" if extra else "install it here and on all workers"
        )
        raise UsageError(f"executor {quoted(executor)} needs {error.name}: {advice}") from error
    except Exception as error:
        advice = "; start its scheduler, or correct the address" if isinstance(error, OSError) else ""
        raise UsageError(
            f"executor {quoted(executor)} cannot be started: {error_line(error)}{advice}"
        ) from error
    if not isinstance(started, Executor):
        raise UsageError(
            f"executor {quoted(executor)} names a function that returns {quoted(started)}; name one that returns a "
            "concurrent.futures.Executor"
        )
    if devices:
        return DeviceWorkers(started, devices)
    if getattr(started, "in_process", False) or isinstance(started, ThreadPoolExecutor):
        return Workers(started, cores or jobs)
    return RemoteWorkers(executor, started, build, jobs)


@contextlib.contextmanager
def local_workers(workers: Workers, cores: int) -> Iterator[Workers]:
    """Yield workers on cores of this machine, for tasks that read study folders: the given ones, if they are such."""
    if workers.shares_cores:
        yield workers
        return
    with Workers(executors.processes(min(cores, drawing_jobs()))) as local:
        yield local


def drawing_jobs() -> int:
    """Return the number of plots that are drawn at a time."""
    return fitting_processes(DRAWING_BYTES)


def _builder(catalog: Catalog, name: str, parameters: dict[str, object], jobs: int) -> Callable[[], Executor]:
    registered, _, address = name.partition(":")
    if registered in catalog.entries["executors"]:
        factory = catalog.entry("executors", registered).implementation
        return functools.partial(factory, jobs, **({"address": address} if address else {}), **parameters)
    if not address:
        catalog.entry("executors", name)  # raises, with names that are similar

    def build() -> Executor:
        function = pkgutil.resolve_name(name)
        accepted = inspect.signature(function).parameters
        of_jobs = {key: jobs for key in JOBS_PARAMETERS if key in accepted}
        executor: Executor = function(**(of_jobs | parameters))
        return executor

    return build
