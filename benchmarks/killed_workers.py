"""SIGKILL of dask workers at random moments of a study: every trial must end once, with the result of a quiet run.

Run: python benchmarks/killed_workers.py --kills 20
"""

import argparse
import os
import random
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from killable_processes import ProcessKind, StudyProcess, command_of, parent_of

from benchbed.store import StudyFolder

COMMAND = str(Path(sys.executable).with_name("benchbed"))
PROBLEMS = ("quadratic", "quartic", "runge", "triangles")
OPTIMIZERS = ("gd", "sgd", "momentum", "adam")
CIRCUMSTANCES = ["threads", "jobs", "attempt", "wall_seconds", "peak_bytes", "batch_trials"]
"""Columns that depend on the course of events."""


def start_study(folder: Path, executor: str, seeds: int) -> StudyProcess:
    """Start a study in a new folder."""
    folder.mkdir()
    selectors = [part for name in PROBLEMS for part in ("-p", name)]
    selectors += [part for name in OPTIMIZERS for part in ("-o", name)]
    options = ["--preset", "quick", "--seeds", str(seeds), "--executor", executor, "-j", "2"]
    environment = os.environ | {"BENCHBED_DISABLE_PLUGINS": "reports"}
    command = [COMMAND, "run", *selectors, *options, "-O", str(folder / "study")]
    return StudyProcess(command, folder, environment, patience=10.0)


def dask_workers(study: StudyProcess) -> list[int]:
    """Return the worker processes of the cluster that a driver has started: its children that are no servers."""
    (driver,) = study.processes().get(ProcessKind.DRIVER, [0])
    children = [
        int(path.name) for path in Path("/proc").glob("[0-9]*") if parent_of(int(path.name)) == driver
    ]
    # Not by their environment, which they overwrite by their title.
    return [
        pid
        for pid in children
        if not re.search("resource_tracker|forkserver", command_of(pid).partition("-c")[2])
    ]


def rows_of(folder: Path) -> dict[str, str]:
    """Return the stored rows by their keys. Raises: ValueError if a key is stored twice."""
    study = StudyFolder(folder / "study")
    table = study.read_trials(study.read_plan()).drop_columns(CIRCUMSTANCES)
    rows = {row["trial_key"]: repr(row) for row in table.to_pylist()}
    if len(rows) < table.num_rows:
        raise ValueError(f"{table.num_rows - len(rows)} trials are stored twice")
    return rows


def kill_workers(
    folder: Path, most_kills: int, seeds: int, longest_delay: float, moments: random.Random
) -> Iterator[int]:
    """Run a study on dask, and yield each worker that is killed while it runs. Raises: ValueError if it fails."""
    study = start_study(folder, "dask", seeds)
    try:
        kills = 0
        while study.wait(moments.uniform(0.0, longest_delay)) is None:
            workers = dask_workers(study) if any((folder / "study").glob("trials/*.parquet")) else []
            if workers and kills < most_kills:
                victim = moments.choice(workers)
                study.kill(victim, signal.SIGKILL)
                kills += 1
                yield victim
        if study.exit_code:
            raise ValueError(f"exit code {study.exit_code}: {(folder / 'log').read_text()[-2000:]}")
        if left := study.remaining():
            raise ValueError(f"processes are left: {left}")
    finally:
        study.clean_up()


def main() -> None:
    """Kill workers in one study after another, and compare each study with a quiet one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="kills in all studies together")
    parser.add_argument("--seeds", type=int, default=20, help="seeds of each study")
    parser.add_argument("--longest-delay", type=float, default=10.0, help="seconds between two kills at most")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments and the victims")
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as temporary:
        quiet = Path(temporary) / "quiet"
        code = start_study(quiet, "processes", arguments.seeds).wait(3600.0)
        expected = rows_of(quiet)
        print(f"quiet study: exit code {code}, {len(expected)} trials", flush=True)
        kills = studies = 0
        while kills < arguments.kills:
            studies += 1
            folder = Path(temporary) / f"study {studies}"
            remaining, longest = arguments.kills - kills, arguments.longest_delay
            killed = len(list(kill_workers(folder, remaining, arguments.seeds, longest, moments)))
            kills += killed
            rows = rows_of(folder)
            differing = sum(rows.get(key) != row for key, row in expected.items())
            print(
                f"study {studies}: {killed} kills, {len(rows)} trials, {differing} differ from the quiet study",
                flush=True,
            )
            if differing or len(rows) != len(expected):
                sys.exit("the results differ")


if __name__ == "__main__":
    main()
