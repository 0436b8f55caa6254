"""Completion of names in a shell, from a cache, because importing the plugins takes seconds."""

import contextlib
import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
from click.shell_completion import CompletionItem, FishComplete, add_completion_class

from benchbed.errors import BenchbedError, StudyFolderError

if TYPE_CHECKING:
    from benchbed.catalog.records import Kind

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
"""Function that returns the completions of an incomplete word."""


@add_completion_class
class FishCompletion(FishComplete):
    """Completion in fish of words with commas, at which the script of click would end them."""

    source_template = FishComplete.source_template.replace('split ","', 'split --max 1 ","')


class NameFacts(NamedTuple):
    """The completion of a registered name."""

    summary: str
    parameters: Sequence[str]
    """Names of its parameters."""


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

    The names of plugin files that `--plugin` names before are among them. Inside brackets, as in `clip(ad`, the names
    of the arguments of a wrapper or transform are completed, and those of parameters.
    """

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from benchbed.catalog.records import AROUND

        try:
            names = registered_names(tuple(context.params.get("plugin_files") or ()))
        except BenchbedError:  # a plugin file cannot be read, which the command itself reports
            return []
        fallback = [CompletionItem(incomplete, type="file")] if files else []
        opening = innermost_opening(incomplete)
        candidates: dict[str, str] = {}
        if opening is None:
            candidates = {name: facts.summary for kind in kinds for name, facts in names[kind].items()}
        elif not opening.takes_argument:
            entries = [of_kind[opening.name] for of_kind in names.values() if opening.name in of_kind]
            candidates = {f"{name}=": "" for facts in entries for name in facts.parameters}
        else:
            for kind, around in AROUND.items():
                if opening.name in names[around]:
                    candidates |= {name: facts.summary for name, facts in names[kind].items()}
                    candidates |= {f"{name}(": facts.summary for name, facts in names[around].items()}
        start = opening.start if opening else 0
        head, word = incomplete[:start], incomplete[start:]
        return fallback + [
            CompletionItem(head + candidate, help=summary)
            for candidate, summary in candidates.items()
            if candidate.startswith(word)
        ]

    return complete


class Opening(NamedTuple):
    """The innermost bracket of a word that is not closed."""

    name: str
    """The name before it."""
    takes_argument: bool
    """Whether the argument of a wrapper or transform is to follow, and not a parameter."""
    start: int
    """Position of the text that is to be completed."""


def innermost_opening(word: str) -> Opening | None:
    """Return the innermost open bracket of `cosine(clip(ad` or `adam[learning_rate=0.1, be`; None without one."""
    openings: list[Opening] = []
    for position, character in enumerate(word):
        if character in "([":
            name = re.split(r"[^a-z0-9-]", word[:position])[-1]
            openings.append(Opening(name, character == "(", position + 1))
        elif character in ")]" and openings:
            openings.pop()
        elif character == "," and openings:
            openings[-1] = openings[-1]._replace(takes_argument=False, start=position + 1)
    if not openings:
        return None
    text = word[openings[-1].start :]
    return openings[-1]._replace(start=len(word) - len(text.lstrip()))


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


def registered_names(plugin_files: Sequence[Path] = ()) -> "dict[Kind, dict[str, NameFacts]]":
    """Return the registered names by kind, from the cache if no plugin has changed since."""
    from benchbed.codegen.compiler import private_folder
    from benchbed.codegen.errors import CompilationError

    key = _plugins_digest(plugin_files)
    try:
        cache = private_folder("names") / f"{key}.json"
    except CompilationError:  # no folder can be written
        return _loaded_names(plugin_files)
    try:
        cached: dict[Kind, dict[str, NameFacts]] = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not stored yet, or damaged
        cached = _loaded_names(plugin_files)
        from benchbed.store.files import write_atomically

        with contextlib.suppress(StudyFolderError):  # on a full disk the names are read again
            write_atomically(cache, json.dumps(cached).encode())
    return {
        kind: {name: NameFacts(*facts) for name, facts in of_kind.items()} for kind, of_kind in cached.items()
    }


def _loaded_names(plugin_files: Sequence[Path]) -> "dict[Kind, dict[str, NameFacts]]":
    from benchbed.catalog.details import Details, OptimizerDetails, ProblemDetails, details_of
    from benchbed.catalog.records import AROUND, KINDS
    from benchbed.cli.options import open_plugins

    catalog = open_plugins(tuple(plugin_files), timeout=None)
    names: dict[Kind, dict[str, NameFacts]] = {kind: {} for kind in KINDS}
    for kind, of_kind in names.items():
        # Details of other kinds would import third-party plugins into this process.
        has_parameters = kind in AROUND or kind in AROUND.values()
        for name, entry in catalog.entries[kind].items():
            details: Details = None
            with contextlib.suppress(ModuleNotFoundError):  # the library of a built-in problem's data
                details = details_of(entry) if has_parameters else None
            parameters = []
            if isinstance(details, OptimizerDetails | ProblemDetails):
                parameters = [parameter.name for parameter in details.parameters]
            of_kind[name] = NameFacts(entry.summary, parameters)
    return names


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
