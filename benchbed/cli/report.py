"""`benchbed report`: make the tables and plots of a study again."""

from pathlib import Path

import click

from benchbed.cli.options import complain, format_option, jobs_option, plugin_option
from benchbed.cli.run import show, tell_losses


@click.command("report", short_help="Make the tables and plots of a study again.")
@click.argument("folder", type=click.Path(path_type=Path))
@jobs_option
@format_option
@plugin_option
def report_command(folder: Path, jobs: int | None, format_: str, plugin_files: tuple[Path, ...]) -> int:
    """Write summary, tables and plots of a study folder again, from its stored trials, and print the summary.

    \b
    Examples:
      benchbed report results/standard
      benchbed report results/standard --format csv
    """  # fmt: skip
    from benchbed.catalog import load_catalog
    from benchbed.study import report

    catalog = load_catalog(plugin_files)
    complain(catalog)
    study = report(folder, catalog, tuple(str(file.resolve()) for file in plugin_files), jobs)
    for warning in study.warnings:
        click.echo(f"warning: {warning}", err=True)
    show(study, format_)
    return tell_losses(study)
