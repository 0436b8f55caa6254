"""The study folder: batches of stored trials, the plan and the environments, with one writer at a time."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock
import msgspec
import pyarrow as pa
import tomli_w

from benchbed.errors import StudyFolderError
from benchbed.formatting import absolute_path
from benchbed.plan import Plan
from benchbed.store.files import TEMPORARY, write_atomically
from benchbed.store.schema import TRIAL_SCHEMA, NewerSchemaError, from_bytes


class StudyFolder:
    """The folder of a study: readable at any time, writable while locked (`with folder:`)."""

    def __init__(self, path: Path) -> None:
        absolute_path(path)  # raises if it is not text
        self.path = path
        self.warnings: list[str] = []
        self._lock = filelock.FileLock(path / ".lock", timeout=0)

    def __enter__(self) -> "StudyFolder":
        """Create the folder if it is missing, and lock it. Raises: StudyFolderError if that fails."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except filelock.Timeout as error:
            raise StudyFolderError(
                f"{self.path} is in use by another benchbed; wait for it, or choose another folder with -O"
            ) from error
        except OSError as error:
            raise StudyFolderError(
                f"cannot use {self.path}: {error.strerror}; choose a writable folder with -O"
            ) from error
        return self

    def __exit__(self, *error: object) -> None:
        """Unlock the folder."""
        self._lock.release()

    def read_plan(self) -> Plan:
        """Read the newest plan. Raises: StudyFolderError if it is missing or damaged."""
        try:
            return msgspec.json.decode((self.path / "plan.json").read_bytes(), type=Plan)
        except FileNotFoundError as error:
            raise StudyFolderError(
                f"{self.path} is not a study folder; pass the folder that `benchbed run` printed"
            ) from error
        except (OSError, msgspec.MsgspecError) as error:
            raise StudyFolderError(
                f"cannot read {self.path / 'plan.json'}: {error}; run the study again"
            ) from error

    def write_plan(self, plan: Plan) -> None:
        """Write the plan, and a suite from which the same plan can be made."""
        write_atomically(self.path / "plan.json", msgspec.json.format(msgspec.json.encode(plan), indent=1))
        write_atomically(self.path / "suite.toml", tomli_w.dumps(plan.suite).encode())

    def write_environment(self, environment: dict[str, Any]) -> None:
        """Add the environment of one invocation."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        content = json.dumps(environment, indent=2, sort_keys=True)
        write_atomically(self.path / "environments" / f"{stamp}-{os.getpid()}.json", content.encode())

    def write_log(self, name: str, text: str) -> Path:
        """Store the output of a worker, and return its path."""
        path = self.path / "logs" / name
        write_atomically(path, text.encode(errors="replace"))
        return path

    def add_part(self, name: str, content: bytes) -> None:
        """Store a finished batch; its rows replace earlier rows of the same trials."""
        numbers = [path.name.partition("-")[0] for path in self._parts()]
        newest = max((int(number) for number in numbers if number.isdigit()), default=0)
        write_atomically(self.path / "trials" / f"{newest + 1:06d}-{name}.parquet", content)

    def read_trials(self, repair: bool = False) -> pa.Table:
        """Read the newest row of every trial; `repair` moves unreadable parts to `set-aside/`.

        Raises: StudyFolderError if a newer benchbed wrote the folder.
        """
        tables: list[pa.Table] = []
        unreadable: list[Path] = []
        for path in self._parts():
            try:
                tables.append(from_bytes(path.read_bytes()))
            except NewerSchemaError as error:
                raise StudyFolderError(
                    f"{path} was written by a later benchbed (schema {error}); update benchbed, or choose another "
                    "folder with -O"
                ) from error
            except (ValueError, OSError, pa.ArrowException) as error:
                unreadable.append(path)
                reason = str(error).partition("\n")[0] or type(error).__name__
                self.warnings.append(f"{path} cannot be read ({reason}); its trials count as not run")
        if repair:  # only after all parts: the folder of a newer benchbed stays unchanged
            self._set_aside(unreadable)
        if not tables:
            return TRIAL_SCHEMA.empty_table()
        trials = pa.concat_tables(tables)
        newest = {key: row for row, key in enumerate(trials["trial_key"].to_pylist())}
        if len(newest) == len(trials):  # usually; selecting all rows would copy them
            return trials
        return trials.take(sorted(newest.values()))

    def _set_aside(self, unreadable: list[Path]) -> None:
        """Move unreadable parts away, and remove the temporary files of interrupted writes."""
        for path in unreadable:
            (self.path / "set-aside").mkdir(exist_ok=True)
            path.replace(self.path / "set-aside" / path.name)
        for stale in (*self.path.glob(f"*{TEMPORARY}"), *self.path.glob(f"*/*{TEMPORARY}")):
            self.warnings.append(f"removed {stale}, which an interrupted run left unfinished")
            stale.unlink()

    def _parts(self) -> list[Path]:
        return sorted((self.path / "trials").glob("*.parquet"))
