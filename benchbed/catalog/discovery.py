"""Search for plugins: the entry points of installed distributions, and files that the user names."""

import hashlib
import importlib.util
import itertools
import os
import pickle
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from benchbed.catalog.installed import Installed, installed_in
from benchbed.catalog.names import error_line, quoted
from benchbed.errors import UsageError
from benchbed.hookspecs import GROUP, hookimpl

BUILT_IN = "benchbed"
"""Distribution of the built-in plugins."""
DISABLE = "BENCHBED_DISABLE_PLUGINS"
"""Environment variable: names of entry points that are not loaded, separated by commas."""

FILE_MODULE = "_benchbed_plugin_file_"
"""Beginning of the name of a plugin file's module."""
OBJECT_SUFFIX = ".object"
"""Suffix of the file of an object that a program passes to `benchbed.run`."""
PASSED = "passed to run()"
"""Distribution of these objects."""


class DiscoveredPlugin(NamedTuple):
    """A plugin that is not yet imported."""

    name: str
    module: str
    distribution: str
    """Name of the distribution, or the path of a plugin file."""
    version: str
    load: Callable[[], object]
    file: Path | None = None
    """Path of a plugin file, or of the file of an object."""

    @property
    def built_in(self) -> bool:
        """Whether the plugin is part of benchbed itself."""
        return self.distribution == BUILT_IN


def disabled_plugins(environ: Mapping[str, str]) -> set[str]:
    """Return the names of the entry points that the user has disabled."""
    return {name.strip() for name in environ.get(DISABLE, "").split(",")} - {""}


def installed_plugins(group: str = GROUP) -> tuple[list[DiscoveredPlugin], list[str]]:
    """Return the entry points of a group, benchbed's first, then by distribution and name; and warnings."""
    plugins: list[DiscoveredPlugin] = []
    warnings: list[str] = []
    distribution_names: set[str] = set()
    # Python prepends the working directory to the path, as an empty or (under `-m`) an absolute entry. It is skipped,
    # because a downloaded folder is not an installed plugin.
    prepended = not sys.flags.safe_path and sys.path[:1] == [str(Path.cwd())]
    folders = [folder for folder in sys.path[int(prepended) :] if Path(folder).is_absolute()]
    for distribution in itertools.chain.from_iterable(installed_in(Path(folder)) for folder in folders):
        try:
            # If a distribution is on the path twice, Python imports the first.
            name = re.sub(r"[-_.]+", "-", distribution.name).lower()
            if name not in distribution_names:
                plugins += [
                    DiscoveredPlugin(
                        point.name, point.value, distribution.name, distribution.version, _loader(point)
                    )
                    for point in distribution.entry_points
                    if point.group == group
                ]
            distribution_names.add(name)
        except Exception as error:  # noqa: BLE001 (damaged metadata may raise anything)
            warnings += _warnings_of_damage(distribution, error, group)
    plugins.sort(
        key=lambda plugin: (
            not plugin.built_in, plugin.distribution.lower(), plugin.name, plugin.module,
        )
    )  # fmt: skip
    return plugins, warnings


def plugin_of_object(kind: str, name: str) -> str:
    """Return the name of the plugin that registers an object, which is also that of its file."""
    return f"{kind.removesuffix('s')}-{name}"


def plugin_files(paths: Sequence[Path]) -> list[DiscoveredPlugin]:
    """Compile the files that the user names, each once; the files of objects are read when they are loaded.

    Raises: UsageError if one is not a readable Python file.
    """
    unique = {path.resolve(): path for path in reversed(paths)}
    return [
        _object_file(path) if path.suffix == OBJECT_SUFFIX else _plugin_file(path)
        for path in reversed(unique.values())
    ]


def _loader(point: EntryPoint) -> Callable[[], object]:
    def load() -> object:
        if not EntryPoint.pattern.match(point.value):
            raise ImportError(
                f"entry point {quoted(point.value)} is not of the form module or module:attribute"
            )
        # Once a plugin has imported importlib_metadata, entry points are of its class, which adds frames to tracebacks.
        return EntryPoint(point.name, point.value, point.group).load()

    return load


def _warnings_of_damage(distribution: Installed, error: Exception, group: str) -> list[str]:
    """Return a warning if a distribution with damaged metadata may be a plugin."""
    try:
        is_plugin = f"[{group}]" in distribution.read_text("entry_points.txt")
    except (OSError, ValueError):
        is_plugin = False
    if not is_plugin:
        return []
    name = quoted(distribution.folder_name)  # the name in its metadata may be unreadable
    return [f"the entry points of distribution {name} cannot be read: {error_line(error)}"]


def _object_file(path: Path) -> DiscoveredPlugin:
    encoded = path.read_bytes()
    name = f"{FILE_MODULE}{hashlib.sha256(encoded).hexdigest()[:16]}"

    def load() -> object:
        if name not in sys.modules:
            passed = pickle.loads(encoded)
            module = ModuleType(name)
            setattr(module, f"register_{passed.kind}", hookimpl(lambda register: register(passed)))
            sys.modules[name] = module
        return sys.modules[name]

    return DiscoveredPlugin(path.stem, name, PASSED, "", load, path)


def _plugin_file(path: Path) -> DiscoveredPlugin:
    label = quoted(str(path))
    if path.suffix != ".py":
        raise UsageError(f"plugin file {label} is not a Python file; its name must end in .py")
    resolved = path.resolve()
    try:
        source = path.read_bytes()
        code = compile(source, str(resolved), "exec", dont_inherit=True)
    except OSError as error:
        raise UsageError(f"plugin file {label} cannot be read: {error.strerror}") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        raise UsageError(f"plugin file {label} is not valid Python: {line}{error_line(error)}") from error
    # With path and content in its name, the module shadows no other, and an edited file is another module.
    digest = hashlib.sha256(os.fsencode(resolved) + b"\0" + source).hexdigest()[:16]
    name = f"{FILE_MODULE}{digest}"

    def load() -> object:
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, resolved)
        if spec is None:
            raise ImportError(f"{str(path)!r} cannot be loaded")
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            # The loader of the spec would take byte code from its cache if the file was edited within a second.
            exec(code, module.__dict__)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    return DiscoveredPlugin(path.stem, name, str(path), "", load, path)
