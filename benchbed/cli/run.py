"""`benchbed run`: run a study, print its table, and say where everything lies."""

import os
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchbed.cli.options import format_option, jobs_option, make, plan_options, timeout_option
from benchbed.cli.progress import make_progress

if TYPE_CHECKING:
    from benchbed.study import Study


@click.command("run")
@plan_options
@jobs_option
@timeout_option
@click.option(
    "--executor",
    default="processes",
    metavar="NAME",
    help="Who runs the batches (see `benchbed list executors`).  [default: processes]",
)
@click.option(
    "-O",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The study folder.  [default: results/<preset or suite name>]",
)
@click.option("--fresh", is_flag=True, help="Move an old folder aside instead of going on with it.")
@format_option
def run_command(
    output: Path | None,
    fresh: bool,
    format_: str,
    jobs: int | None,
    timeout: float | None,
    executor: str,
    **options: Any,
) -> int:
    """Run every problem with every optimizer and compare them.

    Without arguments: the standard preset with the built-in optimizers, into results/standard/. Trials that the
    folder already holds do not run again, so the same line completes an interrupted study.

    \b
    Examples:
      benchbed run
      benchbed run -p 'quadratic[condition_number=1000]' -o gd -o momentum
      benchbed run -p runge -o 'adam[learning_rate=[0.1, 0.01]]' --track default
      benchbed run -p quartic -o 'torch.optim:NAdam[learning_rate=0.01]'
      benchbed run mine.toml --seeds 5 --format json > summary.json
      benchbed run --plugin ./mine.py -o mine -o adam -O results/mine

    \b
    Exit codes: 0 every trial has a result (divergence is one), 1 some failed or crashed, 2 usage,
    3 the folder cannot be used, 5 nothing selected, 130 interrupted, 143 terminated.
    """  # fmt: skip
    from benchbed.runner.fork_server import start_fork_server

    if executor != "serial":
        start_fork_server()
    from benchbed.study import Resources, folder_of, run_plan

    # What `show` needs at the end, now that the server of children is still starting.
    import_module("benchbed.reports.console")
    catalog, plan, files = make(options)
    path = folder_of(plan, output)
    with make_progress() as progress:
        study = run_plan(
            plan, catalog, path, files, Resources(jobs, timeout, executor), fresh=fresh, progress=progress
        )
    for warning in study.warnings:
        click.echo(f"warning: {warning}", err=True)
    show(study, format_)
    return tell_losses(study)


def show(study: "Study", format_: str) -> None:
    """Print the summary on stdout, and last of all the folder: on stdout beneath a table, on stderr beside data."""
    from benchbed.reports.console import render

    width = shutil.get_terminal_size((120, 24)).columns
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    text = render(study.results, format_, width=width, color=color, encoding=sys.stdout.encoding or "ascii")
    click.echo(text.rstrip("\n"))
    place = (
        str(study.path)
        .encode(sys.stdout.encoding or "ascii", "backslashreplace")
        .decode(sys.stdout.encoding or "ascii")
    )
    click.echo(f"results, tables and plots: {place}{os.sep}", err=format_ != "table")


def tell_losses(study: "Study") -> int:
    """Say on stderr how many trials have no result, and give the exit code."""
    if not study.lost:
        return 0
    click.echo(
        f"error: {study.lost} trials have no result; the column `error` of the trials and logs/ say why",
        err=True,
    )
    return 1
