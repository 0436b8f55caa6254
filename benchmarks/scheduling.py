"""Share of the time that scheduling takes in a study, overhead of a task on each executor, and time of a small study.

Run on a quiet machine: python benchmarks/scheduling.py
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import msgspec
from scheduling_shares import lines_of_shares, shares_of_study
from scheduling_tasks import nothing

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.lookup import Catalog
from benchbed.runner.cores import usable_cores
from benchbed.runner.workers import WorkerFailure
from benchbed.study.execution import start_workers

EXECUTORS = (
    "serial",
    "processes",
    "loky:get_reusable_executor",
    "dask",
    "submitit[cluster=local, timeout_min=60]",
)
SLOW = "submitit"
"""Executor each of whose tasks starts an interpreter."""
SMALL_STUDY = (
    "-p", "quadratic", "-p", "quartic", "-o", "gd", "-o", "adam", "--preset", "quick", "--seeds", "4",
)  # fmt: skip


class Empty(msgspec.Struct):
    """A task without content."""


def overhead_of(catalog: Catalog, executor: str, tasks: int) -> tuple[float, float]:
    """Return the seconds until the first empty task has ended on an executor, and the median of `tasks` further ones.

    Each task is submitted when the one before it has ended.
    """
    start = time.perf_counter()
    with start_workers(catalog, executor, 1) as workers:
        seconds = []
        for _ in range(tasks + 1):
            result = workers.result(workers.submit(nothing, Empty()))
            if isinstance(result, WorkerFailure):
                raise RuntimeError(result.log)
            seconds.append(time.perf_counter() - start)
            start = time.perf_counter()
    return seconds[0], median(seconds[1:])


def seconds_of_study(executor: str, jobs: int, folder: Path) -> float:
    """Return the time of the command that runs a small study on an executor, reports included."""
    options = ["--executor", executor, "-j", str(jobs), "-O", str(folder / "study")]
    command = [str(Path(sys.executable).with_name("benchbed")), "run", *SMALL_STUDY, *options]
    start = time.perf_counter()
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if process.returncode:
        raise RuntimeError(f"exit code {process.returncode}: {process.stderr[-2000:]}")
    return time.perf_counter() - start


def main(arguments: Sequence[str] | None = None, print_line: Callable[[str], None] = print) -> None:
    """Print the shares of a study, and the times of each executor."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", default="standard", help="a suite by its name, or a TOML file")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("-j", "--jobs", type=int, default=usable_cores())
    parser.add_argument("--executors", nargs="*", default=EXECUTORS)
    parser.add_argument("--tasks", type=int, default=50, help="empty tasks of each executor; 5 of a slow one")
    parser.add_argument(
        "--parts", nargs="*", default=["shares", "executors"], choices=["shares", "executors"]
    )
    options = parser.parse_args(arguments)
    # Worker processes of other packages import the empty task.
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    with tempfile.TemporaryDirectory(prefix="benchbed-scheduling-") as name, contextlib.chdir(name):
        folder = Path(name)
        if "shares" in options.parts:
            shares = shares_of_study(options.suite, options.preset, options.jobs, folder / "shares")
            for line in lines_of_shares(shares):
                print_line(line)
        if "executors" in options.parts:
            catalog = load_catalog([], dict(os.environ))
            print_line(f"{'executor':<44}{'first task s':>13}{'task ms':>9}{'study s':>9}")
            for index, executor in enumerate(options.executors):
                tasks = min(5, options.tasks) if executor.startswith(SLOW) else options.tasks
                first, task = overhead_of(catalog, executor, tasks)
                place = folder / str(index)
                place.mkdir()
                seconds = seconds_of_study(executor, options.jobs, place)
                print_line(f"{executor:<44}{first:>13.2f}{1e3 * task:>9.2f}{seconds:>9.1f}")


if __name__ == "__main__":
    main()
