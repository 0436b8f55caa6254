"""The commands that installed plugins register."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Collection
from importlib.metadata import EntryPoint
from typing import NamedTuple

import click

from benchbed.catalog.discovery import DiscoveredPlugin, disabled_plugins, installed_plugins
from benchbed.catalog.names import error_line, name_fault
from benchbed.catalog.records import InvalidPluginError, PluginRecord, PluginStatus
from benchbed.hookspecs import COMMAND_GROUP

LOADING_SECONDS = 20.0
"""Time limit of loading a plugin in a child process, before it is imported into this one."""
_RETURNED = 64
"""Exit code of a child in which a plugin returned or raised; a plugin that ends its process exits with another."""


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
    fault = None if plugin.built_in else _fault_of_child(plugin)
    if fault is not None:
        return PluginRecord.of(plugin, PluginStatus.BROKEN, fault), {}
    try:
        commands = _commands_of(plugin, built_in)
    except InvalidPluginError as error:
        return PluginRecord.of(plugin, PluginStatus.INVALID, str(error), error), {}
    except (Exception, SystemExit) as error:  # noqa: BLE001 (third-party code may raise anything, and may call sys.exit)
        return PluginRecord.of(plugin, PluginStatus.BROKEN, error_line(error), error), {}
    return PluginRecord.of(plugin, PluginStatus.LOADED), commands


def _fault_of_child(plugin: DiscoveredPlugin) -> str | None:
    """Load a plugin in a child process; return how it ended or outlasted that process, None if it did not."""
    code = "import sys; from benchbed.cli.plugin_commands import load_in_child; load_in_child(sys.argv[1])"
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", code, plugin.module],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        exit_code = child.wait(LOADING_SECONDS)
    except subprocess.TimeoutExpired:
        return f"loading it took longer than {LOADING_SECONDS:g} s"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if exit_code < 0:
        return f"loading it did not return: the process was killed by {signal.Signals(-exit_code).name}"
    return (
        None
        if exit_code == _RETURNED
        else f"loading it did not return: the process exited with code {exit_code}"
    )


def load_in_child(module: str) -> None:
    """Load the plugin of an entry point's value and end this process; errors are left to the process that goes on."""
    entry_point = EntryPoint("", module, COMMAND_GROUP)
    with contextlib.suppress(BaseException):
        _commands_of(DiscoveredPlugin("", module, "", "", entry_point.load), ())
    os._exit(_RETURNED)


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
