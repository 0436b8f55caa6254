"""Joining of study folders of one plan: the trials that the others have are added to one folder."""

import contextlib
import functools
import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from benchbed.catalog.lookup import Catalog
from benchbed.errors import StudyFolderError, UsageError
from benchbed.interfaces import FINAL_STATUSES
from benchbed.plan import Plan
from benchbed.store import StudyFolder, from_bytes, retire_other_plan, to_bytes
from benchbed.store.equality import first_difference
from benchbed.store.files import inside, read_regular_file, unused
from benchbed.store.folder import PLAN
from benchbed.study.model import Study
from benchbed.study.plan_differences import plan_differences
from benchbed.study.running import report

MACHINE_KEYS = ("benchbed", "torch", "processor", "cpu_capability", "device")
"""Properties of an environment that change results in their last bits, and times."""


class StoredRow(NamedTuple):
    """The newest row of a trial in a study folder."""

    folder: int
    """Position of the folder: rows of the first are stored already, those of the others are added in their order."""
    part: Path
    is_final: bool


def merge(
    folders: Sequence[Path],
    output: Path,
    catalog: Catalog,
    plugin_files: tuple[str, ...] = (),
    jobs: int | None = None,
) -> Study:
    """Join study folders of one plan in the folder `output`, write its reports, and return the study.

    Raises: UsageError or StudyFolderError, as `merge_folders` does.
    """
    warnings = merge_folders(folders, output)
    study = report(output, catalog, plugin_files, jobs)
    study.warnings[:0] = warnings
    return study


def merge_folders(folders: Sequence[Path], output: Path) -> list[str]:
    """Add the trials of study folders to the folder `output`, and return warnings.

    The folders must have one plan; those of shards have it, too. A trial that is in several folders is stored once: its
    first result, in the order of `output` and then of `folders`, or its first row if it has no result in any of them.
    Environments and logs are copied. Reports of a shard that `output` contains are moved to its attic.

    Raises: UsageError if plans differ, or two results of one trial, both before anything is written; StudyFolderError
    if a folder cannot be read, or `output` cannot be written.
    """
    folder = StudyFolder(output)
    with contextlib.ExitStack() as stack:
        if output.exists():
            stack.enter_context(folder)
        plan = common_plan([*([output] if (output / PLAN).exists() else []), *folders])
        others = {path.resolve(): path for path in folders}
        others.pop(output.resolve(), None)
        sources = [folder, *map(StudyFolder, others.values())]
        rows = [newest_rows(source, plan, index) for index, source in enumerate(sources)]
        chosen = choose_rows(rows)
        if not output.exists():
            stack.enter_context(folder)
        warnings = retire_other_plan(folder, plan)
        if not (output / PLAN).exists() or folder.read_plan() != plan:
            folder.write_plan(plan)
        for index, source in enumerate(sources[1:], start=1):
            needed = {row.part for row in chosen.values() if row.folder == index}
            for path in source.parts():
                if path in needed:
                    trials = _read_part(path)
                    # Older rows of a part are stored, too, so that it is a whole batch, unless newer ones precede them.
                    is_added = [
                        key in rows[index] and chosen[key].folder >= index
                        for key in trials["trial_key"].to_pylist()
                    ]
                    name = path.stem.partition("-")[2]
                    folder.add_part(name, to_bytes(trials.filter(pa.array(is_added))))
            for name in ("environments", "logs"):
                warnings += _copy_files(folder, source.path, name)
        warnings += describe_environments(output)
        return [*warnings, *(warning for source in sources for warning in source.warnings)]


def common_plan(paths: Sequence[Path]) -> Plan:
    """Return the plan of the folders, without a shard. Raises: UsageError if they differ."""
    plans = [StudyFolder(path).read_plan().of_shard(None) for path in paths]
    for path, plan in zip(paths[1:], plans[1:], strict=True):
        if differences := plan_differences(plans[0], plan):
            raise UsageError(
                f"the studies in {paths[0]} and {path} differ: {'; '.join(differences)}; merge folders of one study, "
                "run with the same options and versions"
            )
    return plans[0]


def newest_rows(folder: StudyFolder, plan: Plan, index: int) -> dict[str, StoredRow]:
    """Return the newest row of each trial of the plan in a folder, by key."""
    rows = {}
    for path, trials in folder.read_planned(plan):
        keys, statuses = trials["trial_key"].to_pylist(), trials["status"].to_pylist()
        for key, status in zip(keys, statuses, strict=True):
            rows[key] = StoredRow(index, path, status in FINAL_STATUSES)
    return rows


def choose_rows(folders: Sequence[dict[str, StoredRow]]) -> dict[str, StoredRow]:
    """Return the row of each trial that the merged folder contains. Raises: UsageError if two results differ."""
    chosen: dict[str, StoredRow] = {}
    repeated: dict[tuple[Path, Path], list[str]] = defaultdict(list)
    for rows in folders:
        for key, row in rows.items():
            first = chosen.setdefault(key, row)
            if row.is_final and not first.is_final:
                chosen[key] = row
            elif row.is_final and row is not first:
                repeated[first.part, row.part].append(key)
    read = functools.lru_cache(maxsize=8)(_read_part)
    for parts, keys in repeated.items():
        tables = [read(part) for part in parts]
        first, second = (table.take(pc.index_in(pa.array(keys), table["trial_key"])) for table in tables)
        difference = first_difference(first, second)
        if difference is not None:
            columns = ("problem", "optimizer", "role", "seed")
            trial = ", ".join(f"{name} {first[name][difference.row]}" for name in columns)
            raise UsageError(
                f"{parts[0]} and {parts[1]} contain different results of one trial ({trial}) in the column "
                f"{difference.column}, as two machines, or batches of different sizes, may compute; leave one of the "
                "folders out"
            )
    return chosen


def _read_part(path: Path) -> pa.Table:
    try:
        return from_bytes(read_regular_file(path))
    except OSError as error:
        raise StudyFolderError(f"cannot read {path}: {error.strerror}; make it readable") from error


def _copy_files(folder: StudyFolder, source: Path, name: str) -> list[str]:
    """Copy the files of a subfolder whose contents are not there yet; return a warning for each unreadable one."""
    warnings = []
    stored: set[bytes] = set()  # digests
    for path in [*(folder.path / name).glob("*"), *sorted(inside(source, f"{name}/file").parent.glob("*"))]:
        try:
            content = read_regular_file(path)
        except OSError as error:
            warnings.append(f"{path} is not copied: {error.strerror}")
            continue
        digest = hashlib.sha256(content).digest()
        if digest not in stored and path.parent != folder.path / name:
            target = unused(inside(folder.path, f"{name}/{path.name}"))
            folder.write(f"{name}/{target.name}", content)
        stored.add(digest)
    return warnings


def describe_environments(path: Path) -> list[str]:
    """Return a warning with the versions and machines of the environments of a folder, if they differ."""
    values: dict[str, dict[str, None]] = {name: {} for name in MACHINE_KEYS}  # ordered sets
    for file in sorted(inside(path, "environments/file").parent.glob("*.json")):
        try:
            environment = json.loads(read_regular_file(file))
            for name in MACHINE_KEYS:
                values[name][str(environment[name])] = None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            return [f"{file} cannot be read ({type(error).__name__}), so that machines are not compared"]
    differences = [f"{name} {' and '.join(texts)}" for name, texts in values.items() if len(texts) > 1]
    if not differences:
        return []
    listed = "; ".join(differences)
    return [
        f"the trials ran in different environments ({listed}), so that results agree up to rounding, and times differ"
    ]
