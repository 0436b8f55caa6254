"""The commands that installed plugins register."""

import contextlib
import os
import sys
from collections.abc import Collection
from typing import NamedTuple

import click

from benchbed.catalog.discovery import DiscoveredPlugin, disabled_plugins, installed_plugins
from benchbed.catalog.names import error_line, name_fault
from benchbed.catalog.records import InvalidPluginError, PluginRecord, PluginStatus
from benchbed.hookspecs import COMMAND_GROUP


class PluginCommands(NamedTuple):
    """The available commands of plugins, and the plugins themselves."""

    commands: dict[str, click.Command]
    plugins: list[PluginRecord]
    warnings: list[str]
    """Lines on distributions that cannot be read."""


def load_commands(built_in: Collection[str]) -> PluginCommands:
    """Import the plugins of the group `benchbed.commands` and return their commands.

    A plugin cannot replace a command that is `built_in`. A name that two plugins register belongs to neither.
    """
    plugins, warnings = installed_plugins(COMMAND_GROUP)
    loaded = [_load(plugin, built_in) for plugin in plugins]
    records = []
    commands: dict[str, click.Command] = {}
    for record, registered in loaded:
        faults = []
        available = dict(registered)
        for name in registered:
            rivals = [other.label for other, names in loaded if other is not record and name in names]
            if rivals:
                del available[name]
                labels = " and ".join(rivals)
                faults.append(f"command {name!r} is also registered by {labels}, so neither is available")
        commands |= available
        status, error = (
            (PluginStatus.CONFLICTING, "; ".join(faults)) if faults else (record.status, record.error)
        )
        records.append(record._replace(status=status, error=error, commands=tuple(sorted(available))))
    return PluginCommands(commands, records, warnings)


def _load(
    plugin: DiscoveredPlugin, built_in: Collection[str]
) -> tuple[PluginRecord, dict[str, click.Command]]:
    if plugin.name in disabled_plugins(os.environ):
        return PluginRecord.of(plugin, PluginStatus.BLOCKED), {}
    try:
        commands = _commands_of(plugin, built_in)
    except InvalidPluginError as error:
        return PluginRecord.of(plugin, PluginStatus.INVALID, str(error), error), {}
    except (Exception, SystemExit) as error:  # noqa: BLE001 (third-party code may raise anything, and may call sys.exit)
        return PluginRecord.of(plugin, PluginStatus.BROKEN, error_line(error), error), {}
    return PluginRecord.of(plugin, PluginStatus.LOADED), commands


def _commands_of(plugin: DiscoveredPlugin, built_in: Collection[str]) -> dict[str, click.Command]:
    """Import a plugin and call its `register_commands`."""
    import pluggy

    from benchbed import hookspecs

    commands: dict[str, click.Command] = {}

    def register(command: click.Command) -> None:
        if not isinstance(command, click.Command):
            raise InvalidPluginError(f"register_commands takes click commands, not {type(command).__name__}")
        fault = name_fault(command.name)
        if fault is None and command.name in built_in:
            fault = f"command {command.name!r} is built into benchbed; give it another name"
        if fault is not None:
            raise InvalidPluginError(fault)
        commands[str(command.name)] = command

    with contextlib.redirect_stdout(sys.stderr):  # stdout is for the product of the command
        manager = pluggy.PluginManager(hookspecs.GROUP)
        manager.add_hookspecs(hookspecs)
        manager.register(plugin.load(), plugin.name)
        if not manager.hook.register_commands.get_hookimpls():
            raise InvalidPluginError(
                "it implements no register_commands; decorate it with benchbed.hookspecs.hookimpl"
            )
        manager.hook.register_commands(register=register)
    return commands
