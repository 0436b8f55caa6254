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
    help="Folder for studies, figures and the page.  [default: results/course; with -o results/course-own]",
)
@click.option(
    "-o",
    "--optimizer",
    "optimizers",
    multiple=True,
    metavar="NAME[key=value,…]",
    help="Also run this optimizer in the parts, and draw it in their figures; module:Class runs any "
    "torch.optim.Optimizer. A learning rate left open is the optimizer's default. Repeatable.",
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
@click.option("--open", "opens_page", is_flag=True, help="Open the page in a browser.")
def course(
    parts: tuple[str, ...],
    output: Path | None,
    optimizers: tuple[str, ...],
    preset: str,
    fresh: bool,
    jobs: int | None,
    plugin_files: tuple[Path, ...],
    opens_page: bool,
) -> int:
    """Run the systems of the course, draw their figures, and put them on one page.

    Every figure is drawn from a suite that also runs by itself (see `benchbed list suites`), or from a measurement of
    its own. PART is a part of the course, such as C7; without arguments, all parts run, with -o those that take
    optimizers. Trials that are already stored in the folder do not run again.

    \b
    Examples:
      benchbed course --open
      benchbed course C7 C8 -O momentum
      benchbed course C7 -o 'momentum[beta=0.95]' -o 'clip(adam, norm=1)'
      benchbed course C7 --plugin ./mine.py -o mine
      benchbed course C10 --preset full

    \b
    Exit codes: 0 all figures are drawn, 1 a trial or a figure failed, 2 wrong usage, 3 the folder cannot be used,
    5 no figure belongs to a course.
    """
    import benchbed
    from benchbed_course.gallery import Call, write_page
    from benchbed_course.parts import figures_of_parts

    catalog = benchbed.load_catalog(plugin_files)
    for warning in (*catalog.warnings, *(plugin.complaint for plugin in catalog.plugins if plugin.complaint)):
        click.echo(f"warning: {warning}", err=True)
    call = Call(optimizers, plugin_files, output, full=preset == "full")
    if output is None:
        output = Path("results/course-own" if optimizers else "results/course")
    run = benchbed.draw_figures(
        [figure.name for figure in figures_of_parts(catalog, parts, takes_optimizers=bool(optimizers))],
        output,
        optimizers=optimizers,
        full=call.full,
        fresh=fresh,
        plugin_files=plugin_files,
        jobs=jobs,
        notify=lambda line: click.echo(line, err=True),
    )
    for warning in run.warnings:
        click.echo(f"warning: {warning}", err=True)
    page = write_page(output, run.results, call)
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
    if opens_page and not benchbed.open_in_browser(page):
        click.echo(f"warning: no browser could be started; open {page} in one", err=True)
    return 1 if run.lost else 0
