"""Files of reference studies, with version and digest: those of benchbed, and those in a folder of the user."""

import contextlib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchbed.errors import StudyFolderError, UsageError
from benchbed.formatting import folder_name_fault
from benchbed.interfaces.reference_studies import ReferenceStudy
from benchbed.plan.selectors import parse_selector
from benchbed.store.files import read_regular_file, write_atomically
from benchbed.study.model import Study
from benchbed.study.reference_studies import reference_of

SHIPPED = Path(__file__).parent / "shipped_references"
"""Folder of the reference studies of benchbed itself."""
MOST_BYTES = 2**26
"""Largest size of a file."""


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


def save_reference(study: Study, name: str, folder: Path) -> tuple[StoredReference, bool]:
    """Store a study as the next version of a reference; return it, and whether it is new.

    Raises: UsageError if the name cannot be that of a file or is that of shipped results, if trials have no result,
    or if the file would be larger than `MOST_BYTES`; StudyFolderError if it cannot be written; an error of `_decode`
    if it could not be read.
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
    content = _encode(_File(digest, reference))
    if len(content) > MOST_BYTES:
        raise UsageError(
            f"the reference would have {len(content)} bytes, of which {MOST_BYTES} are read; save a study of fewer "
            "seeds, problems or optimizers"
        )
    decoded = _decode(content).study
    path = folder / f"{name}-{reference.version}.json"
    write_atomically(path, content, "choose a writable folder with --output")
    return StoredReference(path, digest, decoded), True


def read_references(folders: Sequence[Path]) -> tuple[list[StoredReference], list[str]]:
    """Read the reference studies in folders; return them, and why other files cannot be used."""
    stored, errors = [], []
    paths = [path for folder in folders if folder.is_dir() for path in folder.glob("*.json")]
    for path in sorted(paths, key=lambda path: (folders.index(path.parent), len(path.name), path.name)):
        try:
            file = _decode(read_regular_file(path, MOST_BYTES))
        except (OSError, msgspec.MsgspecError, RecursionError, UsageError) as error:
            errors.append(f"{path} is not a reference study ({error}); remove it")
            continue
        if digest_of(file.study) == file.digest:
            stored.append(StoredReference(path, file.digest, file.study))
        else:
            errors.append(f"{path} was changed after it was stored; remove it, or save the study again")
    return stored, errors


def _decode(content: bytes) -> _File:
    """Return the contents of a file.

    Raises: MsgspecError if a value has another type or range; UsageError if a problem is not a selector, a curve lacks
    a value, or a setting a tuning score.
    """
    file = msgspec.json.decode(content, type=_File)
    study = file.study
    for problem in study.problems:
        parse_selector(problem.label)
    if any(len({len(of_setting) for of_setting in row.tuning}) > 1 for row in study.scores):
        raise UsageError("a setting lacks a tuning score")
    if any(
        len(curve.median) != len(curve.calls) or len(curve.reached) not in (0, len(curve.calls))
        for curve in study.curves
    ):
        raise UsageError("a curve lacks a value")
    return file


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
