"""Time and memory of the commands on studies of a thousand to a million trials, and how they grow.

`python benchmarks/large_studies.py [--seeds 5 50 500 5000] [--settings 200] [--steps 1000] [--format json]`. A study is
Adam with so many learning rates on `quadratic`, with so many seeds. `run` and `resume` write no reports, which `report`
does; `compare` compares the study with itself, and `verify` runs one batch again. CPU seconds and memory are those of
the command and all of its processes; the exponents are those of the growth since the size before. `steps` are the core
seconds of the steps alone, and the last column is the further time of all commands but `verify`, as a multiple.
"""

import argparse
import json
import math
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from tabulate import tabulate

COMMAND = str(Path(sys.executable).with_name("benchbed"))
MARK = "BENCHBED_LARGE_STUDIES"
"""Environment variable by which the processes of a command are found."""
INTERVAL = 0.05
"""Seconds between two looks at the processes."""
_TICKS, _PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


class Cost(NamedTuple):
    """Time and memory of a command."""

    trials: int
    command: str
    wall_seconds: float
    cpu_seconds: float
    """Of all processes, without the last moments of each."""
    driver_bytes: int
    """Peak resident size of the command's own process."""
    total_bytes: int
    """Largest sum of the resident sizes of all processes; pages that they share count for each."""


class Growth(NamedTuple):
    """Exponents of CPU seconds and memory in the number of trials."""

    cpu: float
    memory: float


def measure(trials: int, name: str, arguments: Sequence[str], reports: bool = True) -> Cost:
    """Run a command and watch its processes. Raises: SystemExit if it fails."""
    mark = secrets.token_hex(8)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BENCHBED_")}
    environment |= {MARK: mark} | ({} if reports else {"BENCHBED_DISABLE_PLUGINS": "reports"})
    seconds: dict[int, float] = {}
    driver = total = 0
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        process = subprocess.Popen([COMMAND, *arguments], env=environment, stdout=output, stderr=output)
        try:
            while process.poll() is None:
                resident = {}
                for pid in marked_processes(mark):
                    try:
                        resident[pid], seconds[pid] = usage(pid)
                    except (OSError, IndexError):  # it has ended
                        continue
                driver, total = max(driver, resident.get(process.pid, 0)), max(total, sum(resident.values()))
                time.sleep(INTERVAL)
        finally:
            process.kill()
        wall = time.monotonic() - start
        output.seek(0)
        if process.wait():
            raise SystemExit(f"{name} ended with {process.returncode}:\n{output.read().decode()[-2000:]}")
    return Cost(trials, name, wall, sum(seconds.values()), driver, total)


def marked_processes(mark: str) -> list[int]:
    """Return the processes with this mark in their environment, however they were started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:  # of another user, or it has ended
            continue
    return found


def usage(pid: int) -> tuple[int, float]:
    """Return the resident bytes and the CPU seconds of a process until now."""
    folder = Path("/proc", str(pid))
    # The name of the program, in parentheses, may contain spaces; user and system time are fields 14 and 15.
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return int((folder / "statm").read_text().split()[1]) * _PAGE, (
        int(fields[11]) + int(fields[12])
    ) / _TICKS


def measure_study(folder: Path, seeds: int, settings: int, steps: int) -> tuple[list[Cost], float]:
    """Return the costs of all commands on one study, and the seconds of its steps."""
    rates = ", ".join(f"{rate:.6g}" for rate in np.logspace(-4, 0, settings))
    study = str(folder / "study")
    run = [
        "run", "-p", "quadratic", "-o", f"adam[learning_rate=[{rates}]]", "--track", "default", "--preset", "standard",
        "--steps", str(steps), "--seeds", str(seeds), "--no-stop-when-solved", "-O", study,
    ]  # fmt: skip
    trials = seeds * settings
    costs = [
        measure(trials, "run", run, reports=False),
        measure(trials, "resume", run, reports=False),
        measure(trials, "report", ["report", study]),
        measure(trials, "compare", ["compare", study, study]),
        measure(trials, "verify", ["verify", study, "--sample", "1"]),
    ]
    stored, step_seconds = 0, 0.0
    for path in (folder / "study" / "trials").glob("*.parquet"):
        part = pq.read_table(path, columns=["wall_seconds"])
        stored, step_seconds = (
            stored + len(part),
            step_seconds + float(np.sum(part["wall_seconds"].to_numpy())),
        )
    if stored != trials:
        raise SystemExit(f"the study contains {stored} trials instead of {trials}")
    return costs, step_seconds


def growth(costs: Sequence[Cost]) -> dict[Cost, Growth]:
    """Return the exponents of each command since the size before; of the smallest size there are none."""
    exponents = {}
    for cost in costs:
        smaller = [other for other in costs if other.command == cost.command and other.trials < cost.trials]
        if smaller:
            before = max(smaller, key=lambda other: other.trials)
            size = math.log(cost.trials / before.trials)
            exponents[cost] = Growth(
                math.log(cost.cpu_seconds / before.cpu_seconds) / size,
                math.log(cost.total_bytes / before.total_bytes) / size,
            )
    return exponents


def overhead(costs: Iterable[Cost], step_seconds: float) -> float:
    """Return the time of the commands but `verify` without the steps, as a multiple of the steps."""
    return (sum(cost.cpu_seconds for cost in costs if cost.command != "verify") - step_seconds) / step_seconds


def table(costs: Sequence[Cost], step_seconds: dict[int, float]) -> str:
    """Format the costs as a table."""
    exponents = growth(costs)
    rows = []
    for cost in costs:
        of_cost = exponents.get(cost, Growth(math.nan, math.nan))
        seconds = step_seconds[cost.trials]
        of_size = [other for other in costs if other.trials == cost.trials]
        last = [f"{seconds:.1f}", f"{overhead(of_size, seconds):.2g}"] if cost.command == "run" else ["", ""]
        sizes = [f"{size / 1e6:.0f}" for size in (cost.driver_bytes, cost.total_bytes)]
        times = [f"{cost.wall_seconds:.1f}", f"{cost.cpu_seconds:.1f}"]
        growths = ["" if math.isnan(value) else f"{value:.2f}" for value in of_cost]
        rows.append([f"{cost.trials}", cost.command, *times, *sizes, *growths, *last])
    headers = (
        "trials", "command", "wall s", "CPU s", "driver MB", "all MB", "CPU exponent", "memory exponent", "steps s",
        "rest / steps",
    )  # fmt: skip
    align = ("right", "left", *["right"] * 8)
    return tabulate(rows, headers, disable_numparse=True, colalign=align)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the studies and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[5, 50, 500, 5000], metavar="N")
    parser.add_argument("--settings", type=int, default=200, help="number of learning rates")
    parser.add_argument("--steps", type=int, default=1000, help="budget of a trial in calls")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument(
        "--folder", type=Path, help="keep the studies in this folder (default: a temporary one)"
    )
    options = parser.parse_args(arguments)
    if not Path("/proc/self/stat").exists():
        parser.error("the processes of a command are read from /proc, which this system lacks")
    if min(*options.seeds, options.settings, options.steps) < 1:
        parser.error("seeds, settings and steps must be at least 1")
    sizes = sorted(set(options.seeds))
    for seeds in sizes if options.folder else ():
        study_folder = options.folder / str(seeds * options.settings)
        if study_folder.exists():
            parser.error(f"{study_folder} exists already; remove it, or choose another --folder")
    folder = options.folder or Path(tempfile.mkdtemp(prefix="benchbed-large-studies-"))
    costs: list[Cost] = []
    step_seconds: dict[int, float] = {}
    try:
        for seeds in sizes:
            study_folder = folder / str(seeds * options.settings)
            study_folder.mkdir(parents=True)
            of_study, step_seconds[seeds * options.settings] = measure_study(
                study_folder, seeds, options.settings, options.steps
            )
            costs += of_study
            print(table(costs, step_seconds), file=sys.stderr, flush=True)  # the next size may take long
            if options.folder is None:
                shutil.rmtree(study_folder)  # a million trials fill gigabytes
    finally:
        if options.folder is None:
            shutil.rmtree(folder)
    if options.format == "json":
        print(
            json.dumps({"costs": [cost._asdict() for cost in costs], "step_seconds": step_seconds}, indent=2)
        )
    else:
        print(table(costs, step_seconds))


if __name__ == "__main__":
    main()
