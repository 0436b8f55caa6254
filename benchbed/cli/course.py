"""`benchbed course`: run the course's systems and show every figure on one page."""

import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbed.cli.options import complain, jobs_option, plugin_option

if TYPE_CHECKING:
    from benchbed.course import Course

WIDTH = 100
"""Columns that a caption is wrapped to."""


@click.command("course", short_help="Run the course's systems and show every figure on one page.")
@click.argument("parts", nargs=-1, metavar="[C1]...")
@click.option(
    "-O",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("results/course"),
    help="Where studies, figures and the page go.  [default: results/course]",
)
@click.option(
    "--preset",
    type=click.Choice(("course", "full")),
    default="course",
    help="How long it may take: minutes, or as long as the source document trains.  [default: course]",
)
@click.option("--fresh", is_flag=True, help="Move old studies aside instead of going on with them.")
@jobs_option
@plugin_option
def course_command(
    parts: tuple[str, ...],
    output: Path,
    preset: str,
    fresh: bool,
    jobs: int | None,
    plugin_files: tuple[Path, ...],
) -> int:
    """Run the systems of the course, draw their figures, and put them on one page.

    Every figure is drawn from a suite that runs like any other (see `benchbed list suites`), or from a measurement
    of its own. Without arguments: all parts. Trials that the folder already holds do not run again.

    \b
    Examples:
      benchbed course
      benchbed course C7 C8 -O momentum
      benchbed course C10 --preset full

    \b
    Exit codes: 0 all is drawn, 1 a trial or a figure failed, 2 usage, 3 the folder cannot be used,
    5 there is nothing to show.
    """
    from benchbed.runner.fork_server import start_fork_server

    start_fork_server()
    from benchbed.catalog import load_catalog
    from benchbed.course import Job, run_course
    from benchbed.study import Resources

    catalog = load_catalog(plugin_files)
    complain(catalog)
    files = tuple(str(file.resolve()) for file in plugin_files)
    job = Job(catalog, output, files, Resources(jobs), fresh, lambda line: click.echo(line, err=True))
    course = run_course(job, parts, full=preset == "full")
    for warning in course.warnings:
        click.echo(f"warning: {warning}", err=True)
    _show(course)
    return 1 if course.lost else 0


def _show(course: "Course") -> None:
    for shown in course.shown:
        click.echo(f"{shown.part}  {shown.title}")
        for paragraph in shown.caption.splitlines():
            click.echo(textwrap.fill(paragraph, WIDTH, initial_indent="    ", subsequent_indent="    "))
        click.echo()
    count = len(course.shown)
    click.echo(f"{count} figure{'' if count == 1 else 's'}: {os.fspath(course.page)}")
