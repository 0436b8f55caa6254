"""`benchbed plugins`: say what was found, and what became of it."""

from pathlib import Path

import click

from benchbed.cli.options import plugin_option


@click.command("plugins", short_help="List the plugins with their status.")
@click.option("--traceback", is_flag=True, help="Also show where a broken plugin failed.")
@plugin_option
def plugins_command(traceback: bool, plugin_files: tuple[Path, ...]) -> None:
    """List the plugins with their status: loaded, broken, invalid, conflicting or blocked.

    BENCHBED_DISABLE_PLUGINS="name,name" keeps plugins from being loaded.

    \b
    Examples:
      benchbed plugins
      BENCHBED_DISABLE_PLUGINS=signum benchbed plugins
    """
    from benchbed.catalog import load_catalog

    catalog = load_catalog(plugin_files)
    for plugin in catalog.plugins:
        click.echo(
            f"{plugin.status:<12} {plugin.name}  ({plugin.distribution} {plugin.version}, module {plugin.module})"
        )
        for kind, names in plugin.registered.items():
            if names:
                click.echo(f"{'':<13}{kind}: {', '.join(names)}")
        if plugin.error:
            click.echo(f"{'':<13}{plugin.error}")
        if traceback and plugin.traceback:
            click.echo(plugin.traceback)
    for warning in catalog.warnings:
        click.echo(f"warning: {warning}", err=True)
