"""The command `benchbed course`: run the course's systems and show every figure on one page."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import click

from benchbed.hookspecs import hookimpl

CAPTION_WIDTH = 100
"""Columns that a caption is wrapped to."""


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    """Register the command of the course."""
    register(course)


@click.command("course", short_help="Run the course's systems and show every figure on one page.")
@click.argument("parts", nargs=-1, metavar="[PART]...")
@click.option(
    "-O",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("results/course"),
    help="Folder for studies, figures and the page.  [default: results/course]",
)
@click.option(
    "--preset",
    type=click.Choice(("course", "full")),
    default="course",
    help="Length of the runs: minutes, or as many steps as the source document trains.  [default: course]",
)
@click.option(
    "--fresh", is_flag=True, help="Rename an existing folder and start again, instead of continuing it."
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Batches or figures that run at a time.  [default: the number of cores]",
)
@click.option(
    "--plugin",
    "plugin_files",
    multiple=True,
    metavar="FILE.py",
    type=click.Path(path_type=Path),
    help="Also load the plugin in this Python file. Repeatable.",
)
def course(
    parts: tuple[str, ...],
    output: Path,
    preset: str,
    fresh: bool,
    jobs: int | None,
    plugin_files: tuple[Path, ...],
) -> int:
    """Run the systems of the course, draw their figures, and put them on one page.

    Every figure is drawn from a suite that also runs by itself (see `benchbed list suites`), or from a measurement of
    its own. PART is a part of the course, such as C7; without arguments, all parts run. Trials that are already stored
    in the folder do not run again.

    \b
    Examples:
      benchbed course
      benchbed course C7 C8 -O momentum
      benchbed course C10 --preset full

    \b
    Exit codes: 0 all figures are drawn, 1 a trial or a figure failed, 2 wrong usage, 3 the folder cannot be used,
    5 no figure belongs to a course.
    """
    import benchbed
    from benchbed_course.gallery import write_page
    from benchbed_course.parts import figures_of_parts

    catalog = benchbed.load_catalog(plugin_files)
    for warning in (*catalog.warnings, *(plugin.complaint for plugin in catalog.plugins if plugin.complaint)):
        click.echo(f"warning: {warning}", err=True)
    run = benchbed.draw_figures(
        [figure.name for figure in figures_of_parts(catalog, parts)],
        output,
        full=preset == "full",
        fresh=fresh,
        plugin_files=plugin_files,
        jobs=jobs,
        notify=lambda line: click.echo(line, err=True),
    )
    for warning in run.warnings:
        click.echo(f"warning: {warning}", err=True)
    page = write_page(output, run.results)
    for result in run.results:
        click.echo(f"{result.figure.part}  {result.figure.title}")
        caption = result.caption if result.error is None else f"It could not be drawn: {result.error}"
        for paragraph in caption.splitlines():
            is_code = paragraph.startswith("    ")
            lines = [paragraph] if is_code else textwrap.wrap(paragraph, CAPTION_WIDTH - 4)
            click.echo(textwrap.indent("\n".join(lines), "    "))
        click.echo()
    count = len(run.results)
    click.echo(f"{count} figure{'' if count == 1 else 's'}: {page}")
    return 1 if run.lost else 0
