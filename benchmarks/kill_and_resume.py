"""Proof that a study which is killed again and again loses nothing, and ends with the numbers of an undisturbed one.

`python benchmarks/kill_and_resume.py [--cycles 200] [--seed 0] [--plots] [--patience 5]`. A cycle is one
kill, at a random moment, of the driver, the fork server, a supervisor or a worker, by SIGKILL or sometimes SIGTERM or
SIGINT. A study is started again until it is complete; then the next one begins, with another seed and a new cache of
compiled steps. After each kill: the process is gone within the promised time, and if it was the driver, all processes
are; every stored row is still there and unchanged; no trial has two results. At the end: all measured columns and all
tables are equal, to the bit, to those of the undisturbed study. The exit status is 1 after a violation; its folder is
then kept. The tests contain a small version.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from killable_processes import ProcessKind, StudyProcess
from tabulate import tabulate

from benchbed.interfaces import FINAL_STATUSES, TrialStatus

COMMAND = str(Path(sys.executable).with_name("benchbed"))
# 3 300 steps are compiled for the settings of tuning and eager for a single setting.
STUDY = [
    COMMAND, "run", "--plugin", str(Path(__file__).with_name("kill_and_resume_plugin.py")),
    *("-p", "noisy-bowl", "-p", "quadratic", "-o", "softsign", "-o", "adam", "--track", "default", "--track", "tuned"),
    *("--preset", "quick", "--steps", "3300", "--seeds", "3", "--no-stop-when-solved", "-j", "2"),
]  # fmt: skip
SIGNALS = {signal.SIGKILL: 0.7, signal.SIGTERM: 0.15, signal.SIGINT: 0.15}
# Only a worker that runs a batch exists, and a driver that is killed has to start again.
WEIGHTS = {ProcessKind.DRIVER: 1, ProcessKind.SERVER: 1, ProcessKind.SUPERVISOR: 3, ProcessKind.WORKER: 3}
LONGEST_DELAY = 5.0
"""Seconds between two kills at most; a study takes about seven."""
TIME_LIMIT = 120.0
"""Seconds after which a driver counts as hung."""
NOT_MEASURED = {"wall_seconds", "peak_bytes", "attempt", "batch_trials"}
"""Columns that depend on the circumstances: a batch that was killed twice is split."""


class ViolationError(Exception):
    """The promise does not hold; the message says how."""


class KilledStudy:
    """A study that is killed until it is complete."""

    def __init__(self, folder: Path, seed: int, chance: random.Random, plots: bool, patience: float) -> None:
        self.folder, self._chance, self._patience = folder, chance, patience
        folder.mkdir(parents=True)
        self._output = folder / "study"
        self._command = [*STUDY, "--seed", str(seed), "-O", str(self._output)]
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("BENCHBED_")
        } | {"XDG_CACHE_HOME": str(folder / "cache"), "BENCHBED_DISABLE_PLUGINS": "" if plots else "reports"}
        self.kills: list[str] = []
        """Process, number and signal of each kill, in order."""
        self.outcomes: Counter[tuple[str, str, str]] = Counter()
        """Number of kills with (process, signal, outcome)."""

    def run_undisturbed(self) -> None:
        """Run the study without a kill."""
        if (code := self._start().wait(TIME_LIMIT)) != 0:
            raise ViolationError(f"the undisturbed study ended with {code}")

    def run_until_complete(self, most_kills: int) -> None:
        """Start and kill the study until it is complete, or so many kills are spent and it ends by itself."""
        code = None
        while code != 0:
            process = self._start()
            try:
                code = self._kill_at_random_moments(process, most_kills)
            finally:
                process.clean_up()

    def compare_with(self, undisturbed: "KilledStudy") -> None:
        """Check that rows and tables are those of an undisturbed study."""
        rows, expected = final_rows(self._output), final_rows(undisturbed._output)
        if rows.keys() != expected.keys():
            raise ViolationError(f"{len(rows)} trials instead of {len(expected)}")
        for key, row in rows.items():
            if columns := differing_columns(row, expected[key], NOT_MEASURED):
                raise ViolationError(f"trial {key} differs from the undisturbed study in {columns}")
        for path in sorted(undisturbed._output.glob("**/*.csv")):
            relative = path.relative_to(undisturbed._output)
            texts = [table_of(study / relative) for study in (self._output, undisturbed._output)]
            if texts[0] != texts[1]:
                raise ViolationError(f"{relative} differs from the undisturbed study")

    def _start(self) -> StudyProcess:
        return StudyProcess(self._command, self.folder, self._environment, self._patience)

    def _kill_at_random_moments(self, process: StudyProcess, most_kills: int) -> int | None:
        """Kill processes of a driver until it ends; return its exit code, None if it was killed."""
        kills_of_others = 0
        while True:
            delay = self._chance.uniform(0, LONGEST_DELAY)
            code = process.wait(delay if self.outcomes.total() < most_kills else TIME_LIMIT)
            if code is not None:
                self._check_end(process, code, kills_of_others)
                return code
            if self.outcomes.total() >= most_kills:
                raise ViolationError(f"the driver still runs after {TIME_LIMIT:g} s")
            if not (kinds := process.processes()):
                continue
            (kind,) = self._chance.choices(list(kinds), [WEIGHTS[kind] for kind in kinds])
            (signal_number,) = self._chance.choices(list(SIGNALS), list(SIGNALS.values()))
            stored = final_rows(self._output)
            pid = self._chance.choice(kinds[kind])
            try:
                process.kill(pid, signal_number)
            except ProcessLookupError:
                continue
            self.kills.append(f"{kind.value} {pid} {signal_number.name}")
            if kind is ProcessKind.DRIVER:
                outcome = self._check_end_of_driver(process, signal_number)
            else:
                kills_of_others += 1
                outcome = "the driver went on"
                if signal_number != signal.SIGINT and (alive := process.remaining([pid])):
                    raise ViolationError(f"{kind} survives {signal_number.name}: {alive}")
            self.outcomes[kind.value, signal_number.name, outcome] += 1
            self._check_rows(stored)
            if kind is ProcessKind.DRIVER:
                return None

    def _check_end_of_driver(self, process: StudyProcess, signal_number: signal.Signals) -> str:
        alive = process.remaining()
        code = process.wait(self._patience)
        if alive or code is None:
            raise ViolationError(f"after {signal_number.name} of the driver still running: {alive}")
        # The study may have ended by itself before; Python itself ends a process that has not yet a handler.
        if code not in {-signal_number, 128 + signal_number, 0, 1}:
            raise ViolationError(f"exit {code} after {signal_number.name} of the driver")
        return f"exit {code}, all gone in time"

    def _check_end(self, process: StudyProcess, code: int, kills_of_others: int) -> None:
        """Check a driver that ended by itself: only two kills of one batch may leave a row without result."""
        if alive := process.remaining():
            raise ViolationError(f"after the end of the driver still running: {alive}")
        statuses = Counter(row["status"] for row in stored_rows(self._output))
        lost = {status: count for status, count in statuses.items() if status not in FINAL_STATUSES}
        if code not in {0, 1} or (code == 1 and not lost):
            raise ViolationError(f"the driver ended by itself with exit {code}")
        if set(lost) - {TrialStatus.CRASHED} or (code == 1 and kills_of_others < 2):
            raise ViolationError(f"{kills_of_others} kills of other processes left trials {lost}")

    def _check_rows(self, stored: dict[str, dict]) -> None:
        rows = final_rows(self._output)
        for key, row in stored.items():
            if key not in rows:
                raise ViolationError(f"trial {key} was stored before the kill, and is lost")
            if columns := differing_columns(rows[key], row, set()):
                raise ViolationError(f"trial {key} was stored before the kill, and changed in {columns}")


def stored_rows(folder: Path) -> list[dict]:
    """Return all rows of a study folder, read without benchbed."""
    paths = sorted((folder / "trials").glob("*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def final_rows(folder: Path) -> dict[str, dict]:
    """Return the results of a study folder by key; raises ViolationError if a trial has two."""
    final = [row for row in stored_rows(folder) if row["status"] in FINAL_STATUSES]
    rows = {row["trial_key"]: row for row in final}
    if len(rows) < len(final):
        raise ViolationError(f"{len(final) - len(rows)} trials have two results")
    return rows


def table_of(path: Path) -> str:
    """Return a table without the column of times."""
    return pd.read_csv(path, dtype=str).drop(columns="microseconds_per_step", errors="ignore").to_csv()


def differing_columns(row: dict, expected: dict, excluded: set[str]) -> list[str]:
    """List the columns in which two rows differ; JSON writes every bit of a number, and NaN equals NaN."""
    names = sorted((row.keys() | expected.keys()) - excluded)
    return [name for name in names if json.dumps(row.get(name)) != json.dumps(expected.get(name))]


def prove(
    cycles: int, seed: int, folder: Path, plots: bool, patience: float = 5.0
) -> tuple[Counter[tuple[str, str, str]], list[str]]:
    """Run studies until so many kills are done; return the outcomes and the violations."""
    chance = random.Random(seed)
    outcomes, violations, study_seed = Counter[tuple[str, str, str]](), [], seed
    while outcomes.total() < cycles:
        undisturbed, killed = (
            KilledStudy(folder / f"{study_seed}-{name}", study_seed, chance, plots, patience)
            for name in ("undisturbed", "killed")
        )
        try:
            undisturbed.run_undisturbed()
            killed.run_until_complete(cycles - outcomes.total())
            killed.compare_with(undisturbed)
        except ViolationError as error:
            violations.append(f"{killed.folder}: {error}; kills: {', '.join(killed.kills)}")
            print(violations[-1], flush=True)
            if not killed.outcomes:
                break  # it would go on for ever
        else:
            shutil.rmtree(undisturbed.folder)
            shutil.rmtree(killed.folder)
        outcomes += killed.outcomes
        study_seed += 1
    return outcomes, violations


def main() -> int:
    """Run everything and print a table of the kills."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=200, help="number of kills")
    parser.add_argument("--seed", type=int, default=0, help="seed of the kills and of the first study")
    parser.add_argument(
        "--plots", action="store_true", help="also write tables and plots, which are then killed too"
    )
    parser.add_argument(
        "--patience", type=float, default=5.0, help="seconds until killed processes must be gone"
    )
    parser.add_argument("--folder", type=Path, help="folder of the studies (default: a temporary one)")
    arguments = parser.parse_args()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # drivers inherit the default, even in a background job
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="benchbed-kill-and-resume-"))
    started = time.monotonic()
    outcomes, violations = prove(
        arguments.cycles, arguments.seed, folder, arguments.plots, arguments.patience
    )
    rows = [(*names, count) for names, count in sorted(outcomes.items())]
    print(tabulate(rows, ("killed", "by", "outcome", "kills")))
    print(
        f"{outcomes.total()} kills in {time.monotonic() - started:.0f} s, {len(violations)} violations"
        + (f", kept in {folder}" if violations else "")
    )
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
