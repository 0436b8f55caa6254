"""Lines that several commands print: warnings on stderr, results and the summary of a study on stdout."""

import os
import shutil
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from benchbed.formatting import on_one_line, plural

if TYPE_CHECKING:
    from benchbed.catalog.lookup import Catalog
    from benchbed.cli.plugin_commands import PluginCommands
    from benchbed.study import Study

PAGE = "index.html"
"""File name of the page of a study."""


def print_line(line: str, err: bool = False) -> None:
    """Print a line, with characters escaped that stdout cannot encode."""
    encoding = sys.stdout.encoding or "ascii"
    click.echo(line.encode(encoding, "backslashreplace").decode(encoding), err=err)


def terminal() -> tuple[int, bool, str]:
    """Return the width of stdout in cells, whether it shows colors, and its encoding."""
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return shutil.get_terminal_size((120, 24)).columns, color, sys.stdout.encoding or "ascii"


def discard_stdout() -> int:
    """Redirect stdout to the null device, because Python would raise again when it flushes a closed stdout at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def print_warnings(warnings: Iterable[str]) -> None:
    """Print each warning as a line on stderr."""
    for warning in warnings:
        click.echo(f"warning: {on_one_line(warning, 1_000)}", err=True)


def print_plugin_errors(loaded: "Catalog | PluginCommands") -> None:
    """Print a line on stderr for each fault of the environment and of its plugins."""
    print_warnings([*loaded.warnings, *(plugin.complaint for plugin in loaded.plugins if plugin.complaint)])


def print_study(study: "Study", format_: str, opens_page: bool) -> int:
    """Print warnings, the summary and the path of the study folder, open its page if asked, and return the exit code.

    The path is the last line: on stdout below a table, on stderr if stdout is data for a program.
    """
    from benchbed.reports.console import render
    from benchbed.study.losses import describe_losses

    print_warnings(study.warnings)
    width, color, encoding = terminal()
    text = render(study.results_without_curves, format_, width=width, color=color, encoding=encoding)
    click.echo(text.rstrip("\n"))
    print_line(f"results, tables and plots: {study.path}{os.sep}", err=format_ != "table")
    if study.lost:
        for line in describe_losses(study.losses):
            click.echo(f"error: {line}", err=True)
        lost = f"{plural(study.lost, 'trial')} {'has' if study.lost == 1 else 'have'}"
        logs = " and the folder logs/" if (study.path / "logs").is_dir() else ""
        places = f"; see the column `error` of the trials{logs}" if study.lost > study.missing else ""
        click.echo(f"error: {lost} no result{places}", err=True)
    if opens_page:
        from benchbed.browser import open_in_browser

        page, remedy = study.path / PAGE, f"write it with `benchbed report {study.path} --only page`"
        if not page.is_file():
            print_warnings([f"{study.path} has no page; {remedy}"])
        elif not open_in_browser(page):
            print_warnings([f"no browser could be started; open {page} in one"])
    return 1 if study.lost else 0
