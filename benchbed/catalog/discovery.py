"""Find plugins: entry points of installed distributions, and the files that the user names."""

import hashlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from types import CodeType
from typing import NamedTuple

from benchbed.catalog.names import error_line, quoted
from benchbed.errors import UsageError
from benchbed.hookspecs import GROUP

DISABLE = "BENCHBED_DISABLE_PLUGINS"
"""Names of entry points that are not to be loaded, separated by commas."""
_OWN_DISTRIBUTION = "benchbed"


class DiscoveredPlugin(NamedTuple):
    """A plugin that has been found and not yet imported."""

    name: str
    module: str
    distribution: str
    version: str
    load: Callable[[], object]


def disabled_plugins(environ: Mapping[str, str]) -> set[str]:
    """Return the names of the entry points that the user has disabled."""
    return {name.strip() for name in environ.get(DISABLE, "").split(",")} - {""}


def installed_plugins(group: str = GROUP) -> tuple[list[DiscoveredPlugin], list[str]]:
    """Return the entry points of a group, benchbed's first, then by distribution and name; and warnings."""
    found: list[DiscoveredPlugin] = []
    warnings: list[str] = []
    seen: set[str] = set()
    for distribution in distributions(path=_search_path()):
        try:
            # Of a distribution that is twice on the path, Python imports the first.
            key = re.sub(r"[-_.]+", "-", distribution.name).lower()
            if key not in seen:
                found += _entry_points(distribution, group)
            seen.add(key)
        except Exception as error:  # noqa: BLE001 - metadata that anyone wrote may fail in any way
            warnings += _unreadable(distribution, error)
    return sorted(found, key=_order), warnings


def plugin_files(paths: Sequence[Path]) -> list[DiscoveredPlugin]:
    """Prepare the files that were asked for, each once.

    Raises: UsageError if one is no readable Python file.
    """
    unique = {path.resolve(): path for path in reversed(paths)}
    return [_file(path) for path in reversed(unique.values())]


def _search_path() -> list[str]:
    """Leave out the working directory, unless the user named it: whoever unpacks an archive installs nothing.

    Python itself prepends it, as an empty entry or, under `-m`, as an absolute one.
    """
    prepended = sys.path[:1] if not sys.flags.safe_path and sys.path[:1] == [str(Path.cwd())] else []
    return [entry for entry in sys.path[len(prepended) :] if Path(entry).is_absolute()]


def _entry_points(distribution: Distribution, group: str) -> Iterator[DiscoveredPlugin]:
    for point in distribution.entry_points:
        if point.group == group:
            yield DiscoveredPlugin(
                point.name, point.value, distribution.name, distribution.version, _loader(point)
            )


def _loader(point: EntryPoint) -> Callable[[], object]:
    def load() -> object:
        if not EntryPoint.pattern.match(point.value):
            raise ImportError(
                f"entry point {quoted(point.value)} is not of the form module or module:attribute"
            )
        return point.load()

    return load


def _unreadable(distribution: Distribution, error: Exception) -> list[str]:
    """Warn of a damaged distribution only if it may be a plugin; others are none of our business."""
    try:
        text = distribution.read_text("entry_points.txt") or ""
    except (OSError, ValueError):
        return []
    if f"[{GROUP}]" not in text:
        return []
    folder = Path(str(getattr(distribution, "_path", "")))  # its name is in what could not be read
    return [f"the entry points of distribution {quoted(folder.name)} cannot be read: {error_line(error)}"]


def _order(found: DiscoveredPlugin) -> tuple[bool, str, str, str]:
    return found.distribution != _OWN_DISTRIBUTION, found.distribution.lower(), found.name, found.module


def _file(path: Path) -> DiscoveredPlugin:
    shown = quoted(str(path))
    if path.suffix != ".py":
        raise UsageError(f"plugin file {shown} is no Python file; its name must end in .py")
    try:
        source = path.read_bytes()
        code = compile(source, str(path.resolve()), "exec", dont_inherit=True)
    except OSError as error:
        raise UsageError(f"plugin file {shown} cannot be read: {error.strerror}") from error
    except SyntaxError as error:
        place = f"line {error.lineno}: " if error.lineno else ""
        raise UsageError(f"plugin file {shown} is not Python: {place}{error_line(error)}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"plugin file {shown} is not Python: {error_line(error)}") from error
    resolved = path.resolve()
    # Path and content are in the name: it shadows no module, and a file that was edited is another module.
    digest = hashlib.sha256(os.fsencode(resolved) + b"\0" + source).hexdigest()[:16]
    module = f"_benchbed_plugin_file_{digest}"

    def load() -> object:
        if module not in sys.modules:
            _execute(module, resolved, code)
        return sys.modules[module]

    return DiscoveredPlugin(path.stem, module, str(path), "", load)


def _execute(name: str, path: Path, code: CodeType) -> None:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ImportError(f"{str(path)!r} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        # Not by the spec's loader: its byte code cache takes an edit within the same second for the old file.
        exec(code, module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
