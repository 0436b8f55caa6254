"""Imports of files that a user may edit: from their source, because cached byte code may be that of another version."""

from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import cast

from benchbed.catalog.imports import SourceModule
from benchbed.catalog.installed import INSTALLATION_FOLDERS

_OWN_FOLDER = Path(__file__).resolve().parents[2]
_get_cached_code = SourceFileLoader.get_code


def import_from_sources() -> None:
    """Make this process compile every module that is neither installed nor in the standard library from its source.

    Python takes byte code from its cache if the source has the size and the time, in whole seconds, of the source that
    it compiled. After an edit within a second, the digest would be that of the new code, and the numbers those of the
    old one.
    """
    SourceFileLoader.get_code = _get_code  # type: ignore[assignment]  # for all finders


def _get_code(loader: SourceFileLoader, name: str) -> CodeType:
    path = Path(loader.get_filename(name))
    is_installed = not INSTALLATION_FOLDERS.isdisjoint(path.parts) or path.is_relative_to(_OWN_FOLDER)
    if is_installed or SourceModule(name, path).is_standard:
        return cast(CodeType, _get_cached_code(loader, name))
    return loader.source_to_code(loader.get_data(str(path)), str(path))
