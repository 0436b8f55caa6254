"""The commands that installed plugins register."""

import contextlib
import os
import sys
from collections.abc import Collection

import click

from benchbed.catalog.discovery import DiscoveredPlugin, disabled_plugins, installed_plugins
from benchbed.catalog.names import error_line, name_fault, plugin_traceback
from benchbed.catalog.records import InvalidPluginError, plugin_label
from benchbed.hookspecs import COMMAND_GROUP


def load_commands(reserved: Collection[str]) -> tuple[dict[str, click.Command], list[str]]:
    """Return the commands of plugins by name, and one line for each plugin that cannot be used.

    The `reserved` names are those of the built-in commands. A name that two plugins register belongs to neither.
    """
    plugins, faults = installed_plugins(COMMAND_GROUP)
    commands: dict[str, click.Command] = {}
    owners: dict[str, list[str]] = {}
    for plugin in plugins:
        if plugin.name in disabled_plugins(os.environ):
            continue
        label = plugin_label(plugin.name, plugin.distribution, plugin.version)
        try:
            registered = _commands_of(plugin, reserved)
        except InvalidPluginError as error:
            faults.append(f"{label} is invalid: {error}{plugin_traceback(error)[0]}")
        except (Exception, SystemExit) as error:  # noqa: BLE001 (third-party code may raise anything, and may call sys.exit)
            faults.append(f"{label} is broken: {error_line(error)}{plugin_traceback(error)[0]}")
        else:
            commands.update(registered)
            for name in registered:
                owners.setdefault(name, []).append(label)
    for name, labels in owners.items():
        if len(labels) > 1:
            del commands[name]
            faults.append(
                f"command {name!r} is registered by {' and '.join(labels)}, so neither is available"
            )
    return commands, faults


def _commands_of(plugin: DiscoveredPlugin, reserved: Collection[str]) -> dict[str, click.Command]:
    """Import a plugin and call its `register_commands`."""
    import pluggy

    from benchbed import hookspecs

    commands: dict[str, click.Command] = {}

    def register(command: click.Command) -> None:
        if not isinstance(command, click.Command):
            raise InvalidPluginError(f"register_commands takes click commands, not {type(command).__name__}")
        fault = name_fault(command.name)
        if fault is None and command.name in reserved:
            fault = f"command {command.name!r} is built into benchbed; give it another name"
        if fault is not None:
            raise InvalidPluginError(fault)
        commands[str(command.name)] = command

    with contextlib.redirect_stdout(sys.stderr):  # stdout is for the product of the command
        manager = pluggy.PluginManager(hookspecs.GROUP)
        manager.add_hookspecs(hookspecs)
        module = plugin.load()
        manager.register(module, plugin.name)
        if not manager.hook.register_commands.get_hookimpls():
            raise InvalidPluginError(
                "it implements no register_commands; decorate it with benchbed.hookspecs.hookimpl"
            )
        manager.hook.register_commands(register=register)
    return commands
