"""Keep a study folder: immutable parts of trials, the plan, the environments; one driver at a time."""

import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import filelock
import msgspec
import pyarrow as pa
import tomli_w

from benchbed.errors import StudyFolderError
from benchbed.plan import Plan
from benchbed.store.files import TEMPORARY, write_atomically
from benchbed.store.schema import TRIAL_SCHEMA, NewerSchemaError, from_bytes


class StudyFolder:
    """Read and, while locked, write the folder of a study."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._lock = filelock.FileLock(path / ".lock", timeout=0)

    def __enter__(self) -> "StudyFolder":
        """Take the folder for this driver alone. Raises: StudyFolderError if it cannot be had."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except filelock.Timeout as error:
            raise StudyFolderError(
                f"{self.path} is in use by another benchbed; wait for it, or choose another folder by -O"
            ) from error
        except OSError as error:
            raise StudyFolderError(
                f"cannot use {self.path}: {error.strerror}; choose a folder that can be written by -O"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the folder."""
        self._lock.release()

    def read_plan(self) -> Plan:
        """Read the newest plan. Raises: StudyFolderError if this is no study folder."""
        try:
            return msgspec.json.decode((self.path / "plan.json").read_bytes(), type=Plan)
        except FileNotFoundError as error:
            raise StudyFolderError(
                f"{self.path} is no study folder; give the folder that `benchbed run` named"
            ) from error
        except (OSError, msgspec.MsgspecError) as error:
            raise StudyFolderError(
                f"cannot read {self.path / 'plan.json'}: {error}; run the study again"
            ) from error

    def write_plan(self, plan: Plan) -> None:
        """Write the plan, and the runnable suite that gives it again."""
        write_atomically(self.path / "plan.json", msgspec.json.format(msgspec.json.encode(plan), indent=1))
        write_atomically(self.path / "suite.toml", tomli_w.dumps(plan.suite).encode())

    def write_environment(self, environment: dict[str, Any]) -> None:
        """Add the environment of one invocation."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        content = json.dumps(environment, indent=2, sort_keys=True)
        write_atomically(self.path / "environments" / f"{stamp}-{os.getpid()}.json", content.encode())

    def write_log(self, name: str, text: str) -> Path:
        """Keep what a child left behind; gives the path."""
        path = self.path / "logs" / name
        write_atomically(path, text.encode(errors="replace"))
        return path

    def add_part(self, name: str, content: bytes) -> None:
        """Store one finished batch; later parts count before earlier ones."""
        newest = max((_number(path) for path in self._parts()), default=0)
        write_atomically(self.path / "trials" / f"{newest + 1:06d}-{name}.parquet", content)

    def read_trials(self, mend: bool = False) -> pa.Table:
        """Read every trial, the newest row of each key; sets parts aside that cannot be read if `mend`.

        Raises: StudyFolderError if a later benchbed wrote the folder, or a part cannot be read and must stay.
        """
        tables: list[pa.Table] = []
        unreadable: list[Path] = []
        for path in self._parts():
            table = self._read_part(path)
            if table is None:
                unreadable.append(path)
            else:
                tables.append(table)
        if mend:  # only now: a folder of a later benchbed is left as it is
            self._set_aside(unreadable)
            self._sweep()
        if not tables:
            return TRIAL_SCHEMA.empty_table()
        everything = pa.concat_tables(tables)
        newest = {key: row for row, key in enumerate(everything["trial_key"].to_pylist())}
        if len(newest) == len(everything):  # as a rule; to take every row of every column is to copy it all
            return everything
        return everything.take(sorted(newest.values()))

    def _read_part(self, path: Path) -> pa.Table | None:
        try:
            return from_bytes(path.read_bytes())
        except NewerSchemaError as error:
            raise StudyFolderError(
                f"{path} was written by a later benchbed (schema {error}); update benchbed, or choose another "
                "folder by -O"
            ) from error
        except (ValueError, OSError, pa.ArrowException) as error:
            self.warnings.append(f"{path} cannot be read ({_first_line(error)}); its trials count as not run")
            return None

    def _set_aside(self, paths: Sequence[Path]) -> None:
        aside = self.path / "set-aside"
        for path in paths:
            aside.mkdir(exist_ok=True)
            path.replace(aside / path.name)

    def _sweep(self) -> None:
        for stale in (*self.path.glob(f"*{TEMPORARY}"), *self.path.glob(f"*/*{TEMPORARY}")):
            self.warnings.append(f"removed {stale}, which an interrupted run left unfinished")
            stale.unlink()

    def _parts(self) -> Iterator[Path]:
        yield from sorted((self.path / "trials").glob("*.parquet"))


def _number(path: Path) -> int:
    digits = path.name.partition("-")[0]
    return int(digits) if digits.isdigit() else 0


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
