"""The study folder: batches of stored trials, the plan and the environments, with one writer at a time."""

import json
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import tomli_w

from benchbed.errors import StudyFolderError
from benchbed.formatting import absolute_path
from benchbed.plan import Plan, plan_faults
from benchbed.store import files
from benchbed.store.lock import FolderLock
from benchbed.store.schema import TRIAL_SCHEMA, NewerSchemaError, columns_from_bytes, from_bytes, newest_rows
from benchbed.store.validation import ContradictionError, rows_of_plan

PLAN, SUITE = "plan.json", "suite.toml"
MOST_PLAN_BYTES = 2**28


class StoredPart(NamedTuple):
    """A batch of a study folder."""

    path: Path
    trials: pa.Table
    is_planned: np.ndarray | None
    """`[rows]`, as `rows_of_plan` returns it; None without a plan."""
    contradiction: str | None = None
    """Why rows of the plan cannot have been stored by the runner."""


class StudyFolder:
    """The folder of a study: readable at any time, writable while locked (`with folder:`).

    It follows no link inside the folder, which may come from somebody else.
    """

    def __init__(self, path: Path, advice: str = files.CHOOSE_ANOTHER) -> None:
        absolute_path(path)  # raises if it is not text
        self.path = path
        self.warnings: list[str] = []
        self.other_keys: list[str] = []
        """Keys of stored rows that are not those of their columns in the plan: of another plan, or of damaged rows."""
        self._unreadable: list[Path] = []
        self._planned: dict[Path, frozenset[str]] = {}
        """Parts that were read, and the keys of their rows that are not those of the plan."""
        self._newest_part: int | None = None
        """Number of the newest part; None if it is not known."""
        self._advice = advice
        self._lock = FolderLock(path)

    def __enter__(self) -> "StudyFolder":
        """Create the folder if it is missing, and lock it. Raises: StudyFolderError if that fails."""
        self._lock.acquire(self._advice)
        self._newest_part = None  # another process may have added parts before
        return self

    def __exit__(self, *error: object) -> None:
        """Unlock the folder."""
        self._lock.release()

    def write(self, name: str, content: bytes) -> Path:
        """Write a file, and return its path.

        Raises: StudyFolderError if that fails, or the folder is not the one that was locked.
        """
        path = files.inside(self.path, name)
        self._lock.check()
        files.write_atomically(path, content, self._advice)
        return path

    def move(self, name: str, target: str) -> None:
        """Move a file within the folder, without replacing another. Raises: StudyFolderError if that fails."""
        old, new = files.inside(self.path, name), files.inside(self.path, target)
        self._lock.check()
        try:
            new.parent.mkdir(parents=True, exist_ok=True)
            old.rename(files.unused(new))
        except OSError as error:
            raise StudyFolderError(f"cannot move {old}: {error.strerror}; {self._advice}") from error

    def read_plan(self) -> Plan:
        """Read the newest plan. Raises: StudyFolderError if it is missing or damaged."""
        path = self.path / PLAN
        try:
            plan = msgspec.json.decode(files.read_regular_file(path, MOST_PLAN_BYTES), type=Plan)
            for fault in plan_faults(plan):
                raise ValueError(fault)  # the first one
            return plan
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StudyFolderError(
                f"{self.path} is not a study folder; pass the folder that `benchbed run` printed"
            ) from error
        except RecursionError as error:
            raise StudyFolderError(
                f"cannot read {path}: it is nested too deeply; run the study again"
            ) from error
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise StudyFolderError(f"cannot read {path}: {reason}; run the study again") from error

    def write_plan(self, plan: Plan) -> None:
        """Write the plan, and a suite from which the same plan can be made."""
        self.write(PLAN, msgspec.json.format(msgspec.json.encode(plan), indent=1))
        self.write(SUITE, tomli_w.dumps(plan.suite).encode())

    def write_environment(self, environment: dict[str, Any]) -> None:
        """Add the environment of one invocation."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        content = json.dumps(environment, indent=2, sort_keys=True)
        self.write(f"environments/{stamp}-{os.getpid()}.json", content.encode())

    def write_log(self, name: str, text: str) -> Path:
        """Store the output of a worker without replacing an earlier one, and return its path."""
        path = files.unused(files.inside(self.path, f"logs/{files.file_name(name)}.log"))
        return self.write(f"logs/{path.name}", text.encode(errors="replace"))

    def add_part(self, name: str, content: bytes) -> None:
        """Store a finished batch; its rows replace earlier rows of the same trials."""
        # Listing the folder for each part would take time for each pair of parts.
        if self._newest_part is None:
            self._newest_part = max(map(files.part_number, self.parts()), default=0)
        self._newest_part += 1
        self.write(f"trials/{self._newest_part:06d}-{files.file_name(name)}.parquet", content)

    def parts(self) -> list[Path]:
        """Return the stored batches, the newest last. Raises: StudyFolderError if they cannot be listed."""
        folder = files.inside(self.path, "trials/part").parent
        try:
            paths = [path for path in folder.iterdir() if path.suffix == ".parquet"]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StudyFolderError(f"cannot read {folder}: {error.strerror}; make it readable") from error
        return sorted(paths, key=lambda path: (files.part_number(path), path.name))

    def read_parts(self, plan: Plan | None = None) -> Iterator[StoredPart]:
        """Yield the stored batches that are readable, the newest last, and warn of the others.

        Raises: StudyFolderError if a newer benchbed wrote the folder.
        """
        for path in self.parts():
            try:
                trials = from_bytes(files.read_regular_file(path))
            except NewerSchemaError as error:
                raise StudyFolderError(
                    f"{path} was written by a later benchbed (schema {error}); update benchbed, or choose another "
                    "folder"
                ) from error
            except (ValueError, OSError, pa.ArrowException) as error:
                text = str(getattr(error, "strerror", None) or error)
                self._discard(path, text.partition("\n")[0] or type(error).__name__)
                continue
            try:
                yield StoredPart(path, trials, None if plan is None else rows_of_plan(trials, plan))
            except ContradictionError as error:
                yield StoredPart(path, trials, None, str(error))

    def read_trials(
        self,
        plan: Plan | None = None,
        repair: bool = False,
        select: Callable[[pa.Table], pa.Table] | None = None,
    ) -> pa.Table:
        """Read the newest row of every trial, of the problems and options of a plan if one is passed.

        `select` returns the columns to keep of each part: a study of a million trials is read with a few. `repair`
        moves unreadable parts to `set-aside/`. Raises: StudyFolderError if a newer benchbed wrote the folder.
        """
        self._unreadable = []
        tables = [trials if select is None else select(trials) for _, trials in self.read_planned(plan)]
        if repair:  # only after all parts: the folder of a newer benchbed stays unchanged
            self._set_aside(self._unreadable)
        if not tables:
            trials = TRIAL_SCHEMA.empty_table()
            return trials if select is None else select(trials)
        return newest_rows(pa.concat_tables(tables))

    def read_columns(self, columns: Sequence[str], keys: Collection[str]) -> pa.Table:
        """Read columns of the newest rows of the trials with these keys, from the parts that `read_trials` has read.

        Raises: StudyFolderError if a part cannot be read any more.
        """
        tables = [TRIAL_SCHEMA.empty_table().select(columns)]
        for path, other_keys in self._planned.items():
            try:
                content = files.read_regular_file(path)
                tables.append(columns_from_bytes(content, columns, keys, other_keys))
            except (OSError, pa.ArrowException) as error:
                raise StudyFolderError(f"cannot read {path}: {error}; load the study again") from error
        return newest_rows(pa.concat_tables(tables))

    def read_planned(self, plan: Plan | None = None) -> Iterator[tuple[Path, pa.Table]]:
        """Yield the path and the rows of each stored batch as `read_trials` does, without leaving out older rows."""
        self._planned = {}
        for part in self.read_parts(plan):
            if part.contradiction is not None:
                self._discard(part.path, part.contradiction)
                continue
            trials, other_keys = part.trials, []
            if part.is_planned is not None and not part.is_planned.all():
                other_keys = trials["trial_key"].filter(pa.array(~part.is_planned)).to_pylist()
                trials = trials.filter(pa.array(part.is_planned))
            self.other_keys += other_keys
            self._planned[part.path] = frozenset(other_keys)
            yield part.path, trials

    def _discard(self, path: Path, reason: str) -> None:
        self._unreadable.append(path)
        self.warnings.append(f"{path} cannot be read ({reason}); its trials count as not run")

    def _set_aside(self, unreadable: list[Path]) -> None:
        """Move unreadable parts away, and remove the temporary files of interrupted writes."""
        for path in unreadable:
            self.move(f"trials/{path.name}", f"set-aside/{path.name}")
        folders = [folder for folder in self.path.iterdir() if folder.is_dir() and not folder.is_symlink()]
        for stale in (
            path for folder in (self.path, *folders) for path in folder.glob(f"*{files.TEMPORARY}")
        ):
            if stale.is_dir() and not stale.is_symlink():
                continue
            try:
                stale.unlink()
            except OSError as error:
                raise StudyFolderError(f"cannot remove {stale}: {error.strerror}; {self._advice}") from error
            self.warnings.append(f"removed {stale}, which an interrupted run left unfinished")
