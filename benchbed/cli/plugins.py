"""`benchbed plugins`: list the plugins with their status."""

from pathlib import Path

import click

from benchbed.cli.options import plugin_option
from benchbed.cli.output import print_warnings


@click.command("plugins", short_help="List the installed plugins with their status.")
@click.option("--traceback", is_flag=True, help="Also print the tracebacks of broken and invalid plugins.")
@plugin_option
def plugins_command(traceback: bool, plugin_files: tuple[Path, ...]) -> None:
    """List the installed plugins with their status, the names that they register, and their errors.

    A plugin is loaded, broken (it raised an exception), invalid (it breaks the contract), conflicting (another plugin
    registers the same name) or blocked: BENCHBED_DISABLE_PLUGINS="name,name" blocks plugins.

    \b
    Examples:
      benchbed plugins
      BENCHBED_DISABLE_PLUGINS=signum benchbed plugins
    """
    from benchbed.catalog.loading import load_catalog

    catalog = load_catalog(plugin_files)
    for plugin in catalog.plugins:
        origin = f"{plugin.distribution} {plugin.version}, module {plugin.module}"
        click.echo(f"{plugin.status:<12} {plugin.name}  ({origin})")
        for kind, names in plugin.registered.items():
            click.echo(f"{'':<13}{kind}: {', '.join(names)}")
        if plugin.error:
            click.echo(f"{'':<13}{plugin.error}")
        if traceback and plugin.traceback:
            click.echo(plugin.traceback)
    print_warnings(catalog.warnings)
