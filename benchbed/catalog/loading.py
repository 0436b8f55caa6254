"""Load every plugin, each apart from the others, so that one that fails takes nothing with it."""

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pluggy

import benchbed.hookspecs
from benchbed.catalog import discovery
from benchbed.catalog.discovery import DISABLE, DiscoveredPlugin, disabled_plugins
from benchbed.catalog.lookup import Catalog
from benchbed.catalog.names import error_line, one_line, quoted, suggestion
from benchbed.catalog.records import KINDS, Entry, InvalidPluginError, Kind, PluginRecord, Status, entry_label
from benchbed.catalog.registrar import Registrar
from benchbed.hookspecs import GROUP

# Frames that tell a plugin's author nothing about the plugin.
_MACHINERY = (
    str(Path(__file__).parent),
    str(Path(pluggy.__file__).parent),
    "<frozen importlib",
    str(Path(os.__file__).parent / "importlib"),
)


class _Loaded(NamedTuple):
    record: PluginRecord
    entries: tuple[Entry, ...]


def load_catalog(plugin_files: Sequence[Path] = (), environ: Mapping[str, str] = os.environ) -> Catalog:
    """Load the installed plugins and the given files; what fails is recorded, never raised.

    Raises: UsageError if one of `plugin_files` is no readable Python file.
    """
    files = discovery.plugin_files(plugin_files)
    installed, warnings = discovery.installed_plugins()
    blocked = disabled_plugins(environ)
    warnings += [
        _unknown_block(name, installed) for name in sorted(blocked - {found.name for found in installed})
    ]
    loaded = [_blocked(found) if found.name in blocked else _load(found) for found in installed]
    loaded += [_load(found) for found in files]
    clashes = _clashes([entry for plugin in loaded for entry in plugin.entries])
    settled = [_without(plugin, clashes) for plugin in loaded]
    entries: dict[Kind, dict[str, Entry]] = {kind: {} for kind in KINDS}
    for plugin in settled:
        for entry in plugin.entries:
            entries[entry.kind][entry.name] = entry
    return Catalog(tuple(plugin.record for plugin in settled), tuple(warnings), entries, clashes)


def _unknown_block(name: str, installed: Sequence[DiscoveredPlugin]) -> str:
    near = suggestion(name, {found.name for found in installed})
    return f"{DISABLE} names {quoted(name)}, which is no plugin{near or '; see `benchbed plugins`'}"


def _blocked(found: DiscoveredPlugin) -> _Loaded:
    return _Loaded(_record(found, "blocked"), ())


def _load(found: DiscoveredPlugin) -> _Loaded:
    """Import one plugin and call its hooks: all of what it registers counts, or nothing."""
    registrar = Registrar(found)
    try:
        # What a plugin prints while it loads must not get into a product on stdout.
        with contextlib.redirect_stdout(sys.stderr), _same_folder():
            _call_hooks(found.load(), registrar)
    except KeyboardInterrupt:
        raise
    except (InvalidPluginError, pluggy.PluginValidationError) as error:
        return _Loaded(_record(found, "invalid", one_line(str(error)), error), ())
    except BaseException as error:  # noqa: BLE001 - foreign code, which may call sys.exit, too
        return _Loaded(_record(found, "broken", error_line(error), error), ())
    finally:
        registrar.close()
    return _Loaded(_record(found, "loaded", entries=registrar.entries), tuple(registrar.entries))


@contextlib.contextmanager
def _same_folder() -> Iterator[None]:
    # A plugin that changes the working directory would move a relative `-O`; a handle survives a folder's removal.
    here = os.open(".", os.O_RDONLY)
    try:
        yield
    finally:
        os.fchdir(here)
        os.close(here)


def _call_hooks(plugin: object, registrar: Registrar) -> None:
    # A manager for each plugin: a refused one leaves no hook behind, and whatever is registered is its own.
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(benchbed.hookspecs)
    manager.register(plugin, registrar.plugin)
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise InvalidPluginError(_unknown_hook(str(error))) from None
    if not manager.get_hookcallers(plugin):
        raise InvalidPluginError(
            "it implements no hook; decorate register_… with benchbed.hookspecs.hookimpl"
        )
    for kind in KINDS:
        getattr(manager.hook, f"register_{kind}")(register=registrar.of(kind))


def _unknown_hook(message: str) -> str:
    name = message.split("'")[1]  # pluggy says: unknown hook 'name' in plugin <module …>
    known = [f"register_{kind}" for kind in KINDS]
    near = suggestion(name, known) or f"; the hooks are {', '.join(known)}"
    return f"unknown hook {quoted(name)}{near}"


def _record(
    found: DiscoveredPlugin,
    status: Status,
    error: str | None = None,
    raised: BaseException | None = None,
    entries: Sequence[Entry] = (),
) -> PluginRecord:
    trace = None if raised is None else _plugin_traceback(raised)
    origin = (found.name, found.module, found.distribution, found.version)
    return PluginRecord(*origin, status, error, trace, _offers(entries))


def _offers(entries: Sequence[Entry]) -> dict[Kind, tuple[str, ...]]:
    offers = {kind: tuple(entry.name for entry in entries if entry.kind == kind) for kind in KINDS}
    return {kind: names for kind, names in offers.items() if names}


def _plugin_traceback(error: BaseException) -> str:
    """Format a traceback that ends at the plugin's own line."""
    formatted = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = formatted
    while part is not None:
        frames = [frame for frame in part.stack if not frame.filename.startswith(_MACHINERY)]
        part.stack = traceback.StackSummary.from_list(frames)
        part = part.__cause__ or part.__context__
    return "".join(formatted.format())


def _clashes(entries: Sequence[Entry]) -> dict[tuple[Kind, str], tuple[Entry, ...]]:
    by_name: dict[tuple[Kind, str], list[Entry]] = {}
    for entry in entries:
        by_name.setdefault((entry.kind, entry.name), []).append(entry)
    return {key: tuple(same) for key, same in by_name.items() if len(same) > 1}


def _without(loaded: _Loaded, clashes: Mapping[tuple[Kind, str], Sequence[Entry]]) -> _Loaded:
    """Take the names that clash from a plugin, and say with whom they do."""
    mine = [entry for entry in loaded.entries if (entry.kind, entry.name) in clashes]
    if not mine:
        return loaded
    faults = [_clash_line(entry, clashes[entry.kind, entry.name]) for entry in mine]
    kept = tuple(entry for entry in loaded.entries if entry not in mine)
    record = loaded.record._replace(
        status="conflicting", error=one_line("; ".join(faults)), registered=_offers(kept)
    )
    return _Loaded(record, kept)


def _clash_line(entry: Entry, same: Sequence[Entry]) -> str:
    others = " and ".join(entry_label(other) for other in same if other is not entry)
    return f"{entry.kind[:-1]} {entry.name!r} is also offered by {others}, so neither counts"
