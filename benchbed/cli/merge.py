"""`benchbed merge`: join the folders of shards to one study."""

from pathlib import Path

import click

from benchbed.cli import options
from benchbed.cli.completion import complete_studies
from benchbed.cli.output import print_study


@click.command("merge", short_help="Join the folders of shards to one study.")
@click.argument(
    "folders",
    metavar="DIR...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    shell_complete=complete_studies,
)
@options.output_option(
    "Folder of the joined study, to which the trials are added; it may contain some of them already.",
    required=True,
)
@options.jobs_option
@options.format_option
@options.open_option
@options.plugin_option
@options.loading_timeout_option
def merge_command(
    folders: tuple[Path, ...],
    output: Path,
    jobs: int | None,
    format_: str,
    opens_page: bool,
    plugin_files: tuple[Path, ...],
    timeout: float,
) -> int:
    """Join the study folders DIR of one plan, such as its shards, in a folder, and write its tables and plots.

    The folders must come from the same options and versions; otherwise the command says which settings differ, and
    writes nothing. Each trial is stored once, however often it is merged. A trial that failed in one folder and has a
    result in another has that result; two different results of one trial are refused. `benchbed run` with the options
    of the study and the output folder runs the trials that no folder contains.

    \b
    Examples:
      benchbed merge results/standard-*-of-4 -O results/standard
      benchbed merge results/laptop results/desktop -O results/both --format csv

    \b
    Exit codes: 0 each trial has a result, 1 some trials failed or are missing, 2 wrong usage or different studies,
    3 a folder cannot be used.
    """  # fmt: skip
    from benchbed.study import merge

    catalog = options.load_plugins(plugin_files, timeout)
    study = merge(folders, output, catalog, options.absolute_paths(plugin_files), jobs)
    return print_study(study, format_, opens_page)
