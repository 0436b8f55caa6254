"""Files that reports write into a study folder: each belongs to the plan at hand, or lies in the attic."""

import contextlib
import os
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import msgspec

from benchbed.errors import StudyFolderError
from benchbed.plan import Plan
from benchbed.seeds import digest
from benchbed.store.files import inside, read_regular_file, unused
from benchbed.store.folder import PLAN, SUITE, StudyFolder

RECORD, ATTIC = "reports.json", "attic"
PLACES = ("index.html", "summary.csv", "tables", "plots", "figures")
"""Where reports usually write; searched for files of which there is no record."""
_RESERVED = {RECORD, ATTIC, PLAN, SUITE, ".lock", "trials", "environments", "logs", "set-aside"}
_MOST_RECORD_BYTES = 2**24


class _Record(msgspec.Struct):
    """The files in a study folder by the report that wrote them, and the plan that they show."""

    plan: str
    is_complete: bool
    files: dict[str, list[str]]


class Outputs:
    """The files that one command writes into a locked study folder."""

    def __init__(self, folder: StudyFolder, plan: Plan) -> None:
        self._folder, self._plan = folder, _digest(plan)
        _, self._before = _recorded(folder)
        self._now: dict[str, list[str]] = {}
        self._save(is_complete=False, files=self._before)

    def write(self, report: str, name: str, content: bytes) -> None:
        """Write a file of a report.

        Raises: ValueError if the name leaves the folder or belongs to another file, StudyFolderError if writing fails.
        """
        if not _is_output(name):
            raise ValueError(f"it must not write the file {name!r}; name one such as plots/mine.png")
        for other, names in self._now.items():
            if other != report and name.casefold() in map(str.casefold, names):
                raise ValueError(f"the file {name!r} was already written by {other!r}; rename one of them")
        self._folder.write(name, content)
        self._now.setdefault(report, []).append(name)

    def finish(self, reports: Collection[str]) -> list[str]:
        """Move the files to the attic that these reports wrote earlier but not now; return a line if there are any."""
        written = {name for names in self._now.values() for name in names}
        stale = [name for report in reports for name in self._before.get(report, []) if name not in written]
        others = {
            report: [name for name in names if name not in written]
            for report, names in self._before.items()
            if report not in {*reports, *self._now}
        }
        attic = _move(self._folder, stale)
        self._save(is_complete=True, files=others | self._now)
        return (
            [f"moved files that are not drawn any more to {attic}: {', '.join(stale[:3])}"] if attic else []
        )

    def _save(self, is_complete: bool, files: dict[str, list[str]]) -> None:
        _save(self._folder, _Record(self._plan, is_complete, files))


def retire_other_plan(folder: StudyFolder, plan: Plan) -> list[str]:
    """Move the reports of another plan, and copy that plan, to the attic; return a line if there was one.

    Raises: StudyFolderError if that fails.
    """
    shown_plan, files = _recorded(folder)
    path = folder.path / PLAN
    stored_plan: str | None
    try:
        stored_plan = _digest(folder.read_plan())
    except StudyFolderError:
        stored_plan = "" if os.path.lexists(path) else None  # damaged, or there is none
    if {shown_plan, stored_plan} <= {None, _digest(plan)}:
        return []
    attic = _move(folder, [name for names in files.values() for name in names], (PLAN, SUITE))
    _save(folder, _Record(_digest(plan), is_complete=True, files={}))
    return [f"{folder.path} held another plan; its reports are in {attic} now, and its trials stay stored"]


def _save(folder: StudyFolder, record: _Record) -> None:
    folder.write(RECORD, msgspec.json.format(msgspec.json.encode(record), indent=1))


def _move(folder: StudyFolder, names: Iterable[str], copies: Iterable[str] = ()) -> Path | None:
    """Move files to a new folder in the attic, and return it; None if there are none."""
    existing = [name for name in names if os.path.lexists(inside(folder.path, name))]
    copied = [name for name in copies if os.path.lexists(folder.path / name)]
    if not existing and not copied:
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    attic = unused(inside(folder.path, f"{ATTIC}/{stamp}"))
    for name in copied:  # the plan stays until the new one replaces it: the folder is readable at any time
        try:
            folder.write(f"{ATTIC}/{attic.name}/{name}", read_regular_file(folder.path / name))
        except OSError:
            folder.move(name, f"{ATTIC}/{attic.name}/{name}")
    for name in existing:
        folder.move(name, f"{ATTIC}/{attic.name}/{name}")
        for parent in (folder.path / name).relative_to(folder.path).parents:
            with contextlib.suppress(OSError):  # it still contains files
                (folder.path / parent).rmdir()
    return attic


def _recorded(folder: StudyFolder) -> tuple[str | None, dict[str, list[str]]]:
    """Return the plan that the written reports show, and their files by report.

    Without a complete record, the plan is None, and the files in the usual places count as written by a report "".
    """
    try:
        record = msgspec.json.decode(
            read_regular_file(folder.path / RECORD, _MOST_RECORD_BYTES), type=_Record
        )
    except (OSError, ValueError, RecursionError):
        record = _Record("", is_complete=False, files={})
    files = {report: list(filter(_is_output, names)) for report, names in record.files.items()}
    if record.is_complete:
        return record.plan, files
    recorded = {name for names in files.values() for name in names}
    for place in map(folder.path.joinpath, PLACES):
        paths = [place] if place.is_symlink() or place.is_file() else []
        if not paths:
            paths = [Path(parent, name) for parent, _, names in os.walk(place) for name in names]
        outputs = (path.relative_to(folder.path).as_posix() for path in paths)
        files.setdefault("", []).extend(name for name in outputs if name not in recorded)
    return None, files


def _is_output(name: str) -> bool:
    """Return whether a report may write a file of this name, which is inside the folder and not one of the store."""
    path = PurePosixPath(name)
    is_relative = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    return (
        is_relative
        and str(path) == name
        and name.isprintable()
        and "\\" not in name
        and path.parts[0].casefold() not in _RESERVED
    )


def _digest(plan: Plan) -> str:
    return digest(msgspec.json.encode(plan).decode())
