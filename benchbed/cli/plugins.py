"""`benchbed plugins`: list the plugins with their status."""

from pathlib import Path

import click

from benchbed.cli.options import loading_timeout_option, open_plugins, plugin_option
from benchbed.cli.output import print_warnings


@click.command("plugins", short_help="List the installed plugins with their status.")
@click.option("--traceback", is_flag=True, help="Also print the tracebacks of broken and invalid plugins.")
@plugin_option
@loading_timeout_option
@click.pass_context
def plugins_command(
    context: click.Context, traceback: bool, plugin_files: tuple[Path, ...], timeout: float
) -> None:
    """List the installed plugins with their status, the names and commands that they register, and their errors.

    A plugin is loaded, broken (it raised an exception), invalid (it breaks the contract), conflicting (another plugin
    registers the same name) or blocked: BENCHBED_DISABLE_PLUGINS="name,name" blocks plugins.

    \b
    Examples:
      benchbed plugins
      BENCHBED_DISABLE_PLUGINS=softsign benchbed plugins
    """
    from benchbed.cli.plugin_commands import load_commands

    catalog = open_plugins(plugin_files, timeout)
    group = context.find_root().command
    commands = load_commands(group.commands if isinstance(group, click.Group) else ())
    for plugin in (*catalog.plugins, *commands.plugins):
        origin = f"{plugin.distribution} {plugin.version}, module {plugin.module}"
        click.echo(f"{plugin.status:<12} {plugin.name}  ({origin})")
        for kind, names in plugin.registered.items():
            click.echo(f"{'':<13}{kind}: {', '.join(names)}")
        if plugin.error:
            click.echo(f"{'':<13}{plugin.error}")
        if traceback and plugin.traceback:
            click.echo(plugin.traceback)
    print_warnings(dict.fromkeys((*catalog.warnings, *commands.warnings)))
