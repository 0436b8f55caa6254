"""`benchbed report`: write the tables and plots of a stored study again."""

from pathlib import Path

import click

from benchbed.cli import options
from benchbed.cli.completion import complete_names, complete_studies
from benchbed.cli.output import print_study


@click.command("report", short_help="Write the tables and plots of a study again.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path), shell_complete=complete_studies)
@options.jobs_option
@options.format_option
@options.open_option
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_names("reports"),
    help="Write only this report (see `benchbed list reports`). Optional reports such as `profile` are written only if "
    "they are named. Repeatable.",
)
@options.plugin_option
@options.loading_timeout_option
def report_command(
    folder: Path,
    jobs: int | None,
    format_: str,
    opens_page: bool,
    only: tuple[str, ...],
    plugin_files: tuple[Path, ...],
    timeout: float,
) -> int:
    """Write the tables and plots of the study in DIR again from its stored trials, and print its summary.

    \b
    Examples:
      benchbed report results/standard
      benchbed report results/standard --format csv
      benchbed report results/standard --only page --open
      benchbed report results/standard --only profile

    \b
    Exit codes: 0 each trial has a result, 1 some trials failed, 2 wrong usage, 3 the folder cannot be used.
    """  # fmt: skip
    from benchbed.study import report

    catalog = options.load_plugins(plugin_files, timeout)
    study = report(folder, catalog, options.absolute_paths(plugin_files), jobs, tuple(dict.fromkeys(only)))
    return print_study(study, format_, opens_page)
