"""Completion of names in a shell, from a cache, because importing the plugins takes seconds."""

import contextlib
import hashlib
import importlib.util
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from benchbed.errors import BenchbedError, StudyFolderError

if TYPE_CHECKING:
    from benchbed.catalog.records import Kind

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
"""Function that returns the completions of an incomplete word."""

STUDY_FOLDERS = ("*/suite.toml", "results/*/suite.toml")
"""Patterns of the files by which the folder of a study is recognized."""


def complete_metavar(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the words that a metavar such as `auto|cpu|cuda[:i]` lists, without the endings in brackets."""
    words = [word.partition("[")[0] for word in (parameter.metavar or "").split("|")]
    return _items(words, incomplete)


def complete_names(*kinds: "Kind", files: bool = False) -> Completion:
    """Return the completion of the registered names of some kinds; with `files`, of paths where no name fits.

    The names of plugin files that `--plugin` names before are among them.
    """

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            names = registered_names(tuple(context.params.get("plugin_files") or ()))
        except BenchbedError:  # a plugin file cannot be read, which the command itself reports
            return []
        fallback = [CompletionItem(incomplete, type="file")] if files else []
        return fallback + [
            CompletionItem(name, help=summary)
            for kind in kinds
            for name, summary in names[kind].items()
            if name.startswith(incomplete)
        ]

    return complete


def complete_studies(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the folders of studies below the working directory, and of any folder where none fits."""
    folders = sorted({str(path.parent) for pattern in STUDY_FOLDERS for path in Path().glob(pattern)})
    return [CompletionItem(incomplete, type="dir"), *_items(folders, incomplete)]


def complete_kinds_and_names(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the kinds for the first word of `benchbed list`, and the names of that kind for the others."""
    from benchbed.catalog.records import KINDS

    words = context.params.get(parameter.name or "") or ()
    kinds = [kind for kind in KINDS if words[:1] == (kind,)] or KINDS
    names = complete_names(*kinds)(context, parameter, incomplete)
    return names if words else _items(KINDS, incomplete) + names


def _items(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def registered_names(plugin_files: Sequence[Path] = ()) -> "dict[Kind, dict[str, str]]":
    """Return the summary of each registered name by kind, from the cache if no plugin has changed since."""
    from benchbed.codegen.compiler import private_folder
    from benchbed.codegen.errors import CompilationError

    key = _plugins_digest(plugin_files)
    try:
        cache = private_folder("names") / f"{key}.json"
    except CompilationError:  # no folder can be written
        return _loaded_names(plugin_files)
    try:
        cached: dict[Kind, dict[str, str]] = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not stored yet, or damaged
        cached = _loaded_names(plugin_files)
        from benchbed.store.files import write_atomically

        with contextlib.suppress(StudyFolderError):  # on a full disk the names are read again
            write_atomically(cache, json.dumps(cached).encode())
    return cached


def _loaded_names(plugin_files: Sequence[Path]) -> "dict[Kind, dict[str, str]]":
    from benchbed.catalog.records import KINDS
    from benchbed.cli.options import open_plugins

    catalog = open_plugins(tuple(plugin_files), timeout=None)
    return {kind: {name: entry.summary for name, entry in catalog.entries[kind].items()} for kind in KINDS}


def _plugins_digest(plugin_files: Sequence[Path]) -> str:
    """Return a digest of the versions of plugins and of the times at which their files were changed."""
    from benchbed.catalog.discovery import DISABLE, installed_plugins

    plugins = installed_plugins()[0]
    packages = sorted({plugin.module.partition(".")[0].partition(":")[0] for plugin in plugins})
    facts = [
        os.environ.get(DISABLE),
        [(plugin.name, plugin.module, plugin.distribution, plugin.version) for plugin in plugins],
        [_changes(_files_of(package)) for package in packages],
        _changes(file.resolve() for file in plugin_files),
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _files_of(package: str) -> list[Path]:
    """Return the source files of a package, or of a single module, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        return []
    if spec.submodule_search_locations is None:
        return [Path(spec.origin)] if spec.origin else []
    return sorted(file for folder in spec.submodule_search_locations for file in Path(folder).rglob("*.py"))


def _changes(files: Iterable[Path]) -> list[tuple[str, int]]:
    """Return each file with its time of change in nanoseconds, 0 if it does not exist."""
    return [(str(file), file.stat().st_mtime_ns if file.is_file() else 0) for file in files]
