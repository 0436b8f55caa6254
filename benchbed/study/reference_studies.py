"""Reference studies: built from a study, stored as files with version and digest, and matched with other studies."""

import contextlib
import hashlib
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from benchbed.errors import StudyFolderError, UsageError
from benchbed.formatting import folder_name_fault
from benchbed.interfaces import Results
from benchbed.interfaces.reference_studies import ReferenceCurve, ReferenceProblem, ReferenceStudy
from benchbed.interfaces.results import ProblemFacts
from benchbed.reports.bands import quartiles
from benchbed.store import StudyFolder
from benchbed.store.files import read_regular_file, write_atomically
from benchbed.study.model import Study
from benchbed.study.provenance import provenance_of

SHIPPED = Path(__file__).parent / "shipped_references"
"""Folder of the reference studies of benchbed itself."""
MOST_BYTES = 2**26
_DIGITS = 6
"""Significant digits of stored numbers."""
_VERSIONS = ("benchbed", "torch")


class StoredReference(NamedTuple):
    """A file of a reference study."""

    path: Path
    digest: str
    """SHA-256 of everything but name and version."""
    study: ReferenceStudy


class _File(msgspec.Struct):
    """Contents of a file."""

    digest: str
    study: ReferenceStudy


def user_folder() -> Path:
    """Return the folder of the user's reference studies. Raises: StudyFolderError without a home directory."""
    configured = Path(os.environ.get("XDG_DATA_HOME", ""))
    try:
        data = configured if configured.is_absolute() else Path.home() / ".local" / "share"
    except RuntimeError as error:
        raise StudyFolderError(
            "the folder of reference studies is unknown without a home directory; set XDG_DATA_HOME"
        ) from error
    return data / "benchbed" / "references"


def reference_of(study: Study, name: str, version: int = 0) -> ReferenceStudy:
    """Build the reference study of a study."""
    plan, results = study.plan, study.results
    starts = starts_of(results)
    facts = provenance_of(plan, StudyFolder(study.path)).facts
    summary = results.summary.drop(columns="notes").to_dict("records")
    overall = results.overall.drop(columns="reason")
    return ReferenceStudy(
        name=name,
        version=version,
        protocol=plan.protocol,
        preset=plan.preset,
        study_seed=plan.study_seed,
        gradient=plan.gradient,
        tolerance=plan.tolerance,
        checkpoints=plan.checkpoints,
        versions={label: facts[label] for label in _VERSIONS if label in facts},
        problems=tuple(
            ReferenceProblem(
                label,
                problem.group,
                problem.budget,
                problem.dtype,
                problem.targets,
                problem.score_start,
                {seed: _rounded(value) for seed, value in starts.get(label, {}).items()},
            )
            for label, problem in results.problems.items()
        ),
        summary=tuple(_plain(row) for row in summary),
        overall=tuple(_plain(row) for row in overall[overall["score"].notna()].to_dict("records")),
        curves=tuple(_curves(results)),
    )


def starts_of(results: Results) -> dict[str, dict[int, float]]:
    """Return the gap at the start by problem and seed, or the objective without a known optimum."""
    checkpoints = results.curves[results.curves["calls"] == 0].astype({"trial_key": str})
    trials = results.outcomes[["trial_key", "problem", "seed"]].merge(checkpoints, on="trial_key")
    starts: dict[str, dict[int, float]] = {}
    for row in trials.drop_duplicates(["problem", "seed"]).to_dict("records"):
        value = row["gap" if results.problems[row["problem"]].has_optimum else "objective"]
        if math.isfinite(value):
            starts.setdefault(row["problem"], {})[int(row["seed"])] = float(value)
    return starts


def save_reference(study: Study, name: str, folder: Path) -> tuple[StoredReference, bool]:
    """Store a study as the next version of a reference; return it, and whether it is new.

    Raises: UsageError if the name cannot be that of a file or is that of shipped results, or if trials have no result;
    StudyFolderError if the file cannot be written.
    """
    fault = folder_name_fault(name)
    if fault is not None:
        raise UsageError(f"the reference cannot be named {name!r}: {fault}; choose another --name")
    if study.lost:
        raise UsageError(
            f"{study.lost} trials of {study.path} have no result; complete the study before it becomes a reference"
        )
    shipped = {reference.study.name for reference in read_references([SHIPPED])[0]}
    if name in shipped and folder.resolve() != SHIPPED.resolve():
        raise UsageError(f"the reference results {name!r} are those of benchbed; choose another --name")
    stored, _ = read_references([folder])
    versions = [reference for reference in stored if reference.study.name == name]
    newest = max(versions, key=lambda reference: reference.study.version, default=None)
    reference = reference_of(study, name, newest.study.version + 1 if newest else 1)
    digest = digest_of(reference)
    if newest and newest.digest == digest:
        return newest, False
    path = folder / f"{name}-{reference.version}.json"
    write_atomically(path, _encode(_File(digest, reference)), "choose a writable folder with --output")
    return StoredReference(path, digest, reference), True


def read_references(folders: Sequence[Path]) -> tuple[list[StoredReference], list[str]]:
    """Read the reference studies in folders; return them, and why other files cannot be used."""
    stored, errors = [], []
    paths = [path for folder in folders if folder.is_dir() for path in folder.glob("*.json")]
    for path in sorted(paths, key=lambda path: (folders.index(path.parent), len(path.name), path.name)):
        try:
            file = msgspec.json.decode(read_regular_file(path, MOST_BYTES), type=_File)
        except (OSError, msgspec.MsgspecError, RecursionError) as error:
            errors.append(f"{path} is not a reference study ({error}); remove it")
            continue
        if digest_of(file.study) == file.digest:
            stored.append(StoredReference(path, file.digest, file.study))
        else:
            errors.append(f"{path} was changed after it was stored; remove it, or save the study again")
    return stored, errors


def newest_references() -> tuple[list[StoredReference], list[str]]:
    """Return the newest version of each reference study, of benchbed and of the user, and errors as above."""
    folders = [SHIPPED]
    with contextlib.suppress(StudyFolderError):  # without a home directory there are none of the user
        folders.append(user_folder())
    stored, errors = read_references(folders)
    newest: dict[str, StoredReference] = {}
    for reference in stored:
        name, version = reference.study.name, reference.study.version
        if name not in newest or version > newest[name].study.version:
            newest[name] = reference
    return [*newest.values()], errors


def digest_of(study: ReferenceStudy) -> str:
    """Return the SHA-256 of a reference study without its name and version: 64 hexadecimal digits."""
    content = msgspec.json.encode(msgspec.structs.replace(study, name="", version=0))
    return hashlib.sha256(content).hexdigest()


def _encode(file: _File) -> bytes:
    """Return JSON with a row or curve on each line, so that versions can be compared line by line."""
    lines = []
    for field in msgspec.structs.fields(file.study):
        value = getattr(file.study, field.name)
        text = msgspec.json.encode(value).decode()
        if isinstance(value, tuple):
            items = ",\n".join(f"  {msgspec.json.encode(item).decode()}" for item in value)
            text = f"[\n{items}\n]"
        lines.append(f'"{field.name}": {text}')
    text = ",\n".join(lines)
    return f'{{"digest": "{file.digest}", "study": {{\n{text}\n}}}}\n'.encode()


def _curves(results: Results) -> Iterator[ReferenceCurve]:
    rows = ["problem", "optimizer", "track"]
    calls_per_step = results.measures.set_index(rows)["calls_per_step"].astype(float).to_dict()
    grouped = results.outcomes.groupby(rows, sort=False)
    for labels, trials in grouped:
        problem, optimizer, track = map(str, labels)
        facts = results.problems[problem]
        column = "gap" if facts.has_optimum else "objective"
        price = calls_per_step.get((problem, optimizer, track), math.nan)
        medians = quartiles(trials, results.curves, column, facts.budget)
        calls, median = medians["calls"].to_numpy(), medians["median"].to_numpy()
        reached = reached_shares(trials, calls, facts)
        values = np.stack([median, reached]) if len(reached) else median[np.newaxis]
        is_level = (values[:, 1:] == values[:, :-1]).all(axis=0)
        changes = np.ones(len(calls), dtype=bool)  # points within a level part are left out
        changes[1:-1] = ~(is_level[:-1] & is_level[1:])
        yield ReferenceCurve(
            problem,
            optimizer,
            track,
            tuple(_rounded(value) for value in calls[changes]),
            tuple(_rounded(value) if math.isfinite(value) else None for value in median[changes]),
            tuple(_rounded(value) for value in reached[changes]) if len(reached) else (),
            _rounded(price) if math.isfinite(price) else None,
        )


def reached_shares(trials: pd.DataFrame, calls: np.ndarray, facts: ProblemFacts) -> np.ndarray:
    """Return the share of the targets that trials have reached after each number of calls; empty without a score."""
    if not facts.is_scored:
        return np.empty(0)
    first = np.sort(np.concatenate([np.asarray(row, dtype=float) for row in trials["calls_to_target"]]))
    return np.searchsorted(first, calls, side="right") / len(first)


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """Return a row as plain values: rounded, without counts of 0 and without NaN."""
    plain = {}
    for column, value in row.items():
        if isinstance(value, float | np.floating):
            if not math.isnan(value):
                plain[str(column)] = _rounded(float(value)) if math.isfinite(value) else "inf"
        elif isinstance(value, int | np.integer):
            if value:
                plain[str(column)] = int(value)
        else:
            plain[str(column)] = value
    return plain


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
