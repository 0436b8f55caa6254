"""Loading of all plugins, each separately, so that a plugin that fails affects no other."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from pathlib import Path

import pluggy

import benchbed.hookspecs
from benchbed.catalog import discovery
from benchbed.catalog.byte_code import import_from_sources
from benchbed.catalog.discovery import DISABLE, FILE_MODULE, DiscoveredPlugin, disabled_plugins
from benchbed.catalog.installed import installations
from benchbed.catalog.lookup import Catalog
from benchbed.catalog.names import error_line, one_line, quoted, suggestion
from benchbed.catalog.records import KINDS, Entry, InvalidPluginError, Kind, PluginRecord, PluginStatus
from benchbed.catalog.registrar import Registrar
from benchbed.catalog.streams import stdout_to_stderr
from benchbed.hookspecs import COMMAND_GROUP, GROUP


def load_catalog(
    plugin_files: Sequence[Path] = (),
    environ: Mapping[str, str] = os.environ,
    needed: Collection[str] | None = None,
    load_third_party: Callable[[list[DiscoveredPlugin]], Iterable[PluginRecord]] | None = None,
) -> Catalog:
    """Load the installed plugins and the given files; record failures instead of raising them.

    Args:
        plugin_files: Python files that are plugins.
        environ: Environment variables, of which one disables plugins.
        needed: Names of the third-party plugins to load; None for all.
        load_third_party: Returns the records of third-party plugins in their order; None loads them in this process.

    Raises: UsageError if one of `plugin_files` is not a readable Python file.
    """
    # A file that is not needed may have become unreadable since the driver loaded it.
    files = discovery.plugin_files([path for path in plugin_files if needed is None or path.stem in needed])
    installed, warnings = discovery.installed_plugins()
    blocked = disabled_plugins(environ)
    command_plugins, _ = discovery.installed_plugins(COMMAND_GROUP)
    names = {plugin.name for plugin in (*installed, *command_plugins)}
    for name in sorted(blocked - names):
        hint = suggestion(name, names) or "; see `benchbed plugins`"
        warnings.append(f"{DISABLE} names {quoted(name)}, which is not a plugin{hint}")
    disabled = [plugin for plugin in installed if plugin.name in blocked]
    third_party = [
        plugin
        for plugin in (*installed, *files)
        if plugin not in disabled and not plugin.built_in and (needed is None or plugin.name in needed)
    ]
    loaded = dict(zip(third_party, (load_third_party or _load_all)(third_party), strict=True))
    records = []
    for plugin in (*installed, *files):
        if plugin in disabled:
            records.append(PluginRecord.of(plugin, PluginStatus.BLOCKED))
        elif plugin.built_in:
            records.append(_load_built_in(plugin))
        elif plugin in loaded:
            records.append(loaded[plugin])
    return _catalog_of(records, warnings)


def with_records(catalog: Catalog, records: Sequence[PluginRecord]) -> Catalog:
    """Return a catalog with further plugins."""
    combined = _catalog_of([*catalog.plugins, *records], catalog.warnings)
    return dataclasses.replace(combined, clashes={**catalog.clashes, **combined.clashes})


_built_in: dict[Hashable, tuple[tuple[Hashable, ...], PluginRecord]] = {}
"""The result of `installations` and the record of each built-in plugin that this process has loaded."""


def _load_built_in(plugin: DiscoveredPlugin) -> PluginRecord:
    """Load a built-in plugin, once a process: finding the files that its objects depend on takes most of the time.

    It is loaded again after an installation, which may change the versions in the origins of its objects; a folder at
    the end of the import path does not, such as that of setuptools, which adds one when torch imports it.
    """
    name = plugin.name, plugin.module, plugin.version
    folders = installations()
    loaded = _built_in.get(name)
    if loaded is not None and folders[: len(loaded[0])] == loaded[0]:
        return loaded[1]
    record = load_plugin(plugin)
    if record.status is PluginStatus.LOADED:
        _built_in[name] = folders, record
    return record


def _load_all(plugins: Iterable[DiscoveredPlugin]) -> list[PluginRecord]:
    import_from_sources()
    return [load_plugin(plugin) for plugin in plugins]


def _catalog_of(records: Sequence[PluginRecord], warnings: Sequence[str]) -> Catalog:
    records, replacements = _prefer_files(records)
    by_name = _entries_by_name(records)
    clashes = {key: tuple(entries) for key, entries in by_name.items() if len(entries) > 1}
    available: dict[Kind, dict[str, Entry]] = {kind: {} for kind in KINDS}
    for (kind, name), entries in by_name.items():
        if len(entries) == 1:
            available[kind][name] = entries[0]
    without_clashes = tuple(_without_clashes(record, clashes) for record in records)
    return Catalog(without_clashes, (*warnings, *replacements), available, clashes)


def _entries_by_name(records: Iterable[PluginRecord]) -> dict[tuple[Kind, str], list[Entry]]:
    by_name: dict[tuple[Kind, str], list[Entry]] = {}
    for record in records:
        for entry in record.entries:
            by_name.setdefault((entry.kind, entry.name), []).append(entry)
    return by_name


def _prefer_files(records: Sequence[PluginRecord]) -> tuple[list[PluginRecord], list[str]]:
    """Remove the entries of installed plugins whose names a plugin file registers, with a warning for each."""
    files = {record.distribution for record in records if record.module.startswith(FILE_MODULE)}
    preferred: dict[tuple[Kind, str], Entry] = {}
    warnings = []
    for (kind, name), entries in _entries_by_name(records).items():
        of_files = [entry for entry in entries if entry.distribution in files]
        if len(of_files) == 1 < len(entries):
            (entry,) = of_files
            preferred[kind, name] = entry
            labels = " and ".join(other.label for other in entries if other is not entry)
            warnings.append(f"{kind[:-1]} {name!r} is that of {entry.label}, and not that of {labels}")

    def is_kept(entry: Entry) -> bool:
        return preferred.get((entry.kind, entry.name), entry) is entry

    return [record._replace(entries=tuple(filter(is_kept, record.entries))) for record in records], warnings


def load_plugin(plugin: DiscoveredPlugin) -> PluginRecord:
    """Import a plugin and call its hooks; its entries count only if all of them are valid."""
    registrar = Registrar(plugin)
    try:
        # Relative paths of the user refer to the working directory.
        with stdout_to_stderr(), contextlib.chdir("."):
            _call_hooks(plugin, registrar)
    except KeyboardInterrupt:
        raise
    except (InvalidPluginError, pluggy.PluginValidationError) as error:
        return PluginRecord.of(plugin, PluginStatus.INVALID, one_line(str(error)), error)
    except BaseException as error:  # noqa: BLE001 (third-party code may also call sys.exit)
        return PluginRecord.of(plugin, PluginStatus.BROKEN, error_line(error), error)
    finally:
        registrar.close()
    return PluginRecord.of(plugin, PluginStatus.LOADED)._replace(entries=tuple(registrar.entries))


def _call_hooks(plugin: DiscoveredPlugin, registrar: Registrar) -> None:
    """Import a plugin and call its hooks with a manager of its own, so that a rejected plugin leaves no hook behind."""
    module = plugin.load()
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(benchbed.hookspecs)
    manager.register(module, plugin.name)
    hooks = manager.get_hookcallers(module)
    if not hooks:
        raise InvalidPluginError(
            "it implements no hook; decorate register_… with benchbed.hookspecs.hookimpl"
        )
    for hook in hooks:
        if not hook.has_spec():
            names = [f"register_{kind}" for kind in KINDS]
            hint = suggestion(hook.name, names) or f"; the hooks are {', '.join(names)}"
            raise InvalidPluginError(f"unknown hook {quoted(hook.name)}{hint}")
    if manager.hook.register_commands.get_hookimpls():
        command_plugins, _ = discovery.installed_plugins(COMMAND_GROUP)
        if all(other.module != plugin.module for other in command_plugins):
            raise InvalidPluginError(
                f"it implements register_commands, which only takes effect in a module named by an entry point of the "
                f"group {COMMAND_GROUP!r}; add that entry point"
            )
    for kind in KINDS:
        getattr(manager.hook, f"register_{kind}")(register=registrar.of(kind))


def _without_clashes(
    record: PluginRecord, clashes: Mapping[tuple[Kind, str], Sequence[Entry]]
) -> PluginRecord:
    """Return the record of a plugin, without the names that other plugins register too."""
    faults = []
    for entry in record.entries:
        rivals = [rival for rival in clashes.get((entry.kind, entry.name), ()) if rival is not entry]
        if rivals:
            labels = " and ".join(rival.label for rival in rivals)
            faults.append(
                f"{entry.kind[:-1]} {entry.name!r} is also registered by {labels}, so neither is available"
            )
    if not faults:
        return record
    return record._replace(
        status=PluginStatus.CONFLICTING,
        error=one_line("; ".join(faults)),
        entries=tuple(entry for entry in record.entries if (entry.kind, entry.name) not in clashes),
    )
