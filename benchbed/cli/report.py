"""`benchbed report`: make the tables and plots of a study again."""

from pathlib import Path

import click

from benchbed.cli.options import complain, format_option, jobs_option, plugin_option
from benchbed.cli.run import show, tell_losses


@click.command("report", short_help="Make the tables and plots of a study again.")
@click.argument("folder", type=click.Path(path_type=Path))
@jobs_option
@format_option
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Make this report alone (see `benchbed list reports`); `profile` is made only when it is named. Repeatable.",
)
@plugin_option
def report_command(
    folder: Path, jobs: int | None, format_: str, only: tuple[str, ...], plugin_files: tuple[Path, ...]
) -> int:
    """Write summary, tables and plots of a study folder again, from its stored trials, and print the summary.

    \b
    Examples:
      benchbed report results/standard
      benchbed report results/standard --format csv
      benchbed report results/standard --only profile
    """  # fmt: skip
    from benchbed.catalog import load_catalog
    from benchbed.study import report

    catalog = load_catalog(plugin_files)
    complain(catalog)
    files = tuple(str(file.resolve()) for file in plugin_files)
    study = report(folder, catalog, files, jobs, tuple(dict.fromkeys(only)))
    for warning in study.warnings:
        click.echo(f"warning: {warning}", err=True)
    show(study, format_)
    return tell_losses(study)
