"""Options that several commands share, and the plugins that they name."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from benchbed.cli.output import print_plugin_errors
from benchbed.formatting import absolute_path

if TYPE_CHECKING:
    from benchbed.catalog.lookup import Catalog

F = TypeVar("F", bound=Callable[..., Any])


class Option(Protocol):
    """Decorator that adds an option to a command."""

    def __call__(self, function: F, /) -> F:
        """Return the command."""


def seconds_option(name: str, description: str, default: float | None = None) -> Option:
    """Return an option with a positive number of seconds."""
    seconds, is_shown = click.FloatRange(0, min_open=True), default is not None
    return click.option(
        name, type=seconds, default=default, show_default=is_shown, metavar="S", help=description
    )


def choice_of_format(formats: Sequence[str], description: str) -> Option:
    """Return the option `--format`, whose default is the first of `formats`."""
    choice, default = click.Choice(formats), formats[0]
    return click.option(
        "--format", "format_", type=choice, default=default, show_default=True, help=description
    )


def output_option(description: str, required: bool = False) -> Option:
    """Return the option `-O`, a folder."""
    path = click.Path(path_type=Path)
    return click.option("-O", "--output", metavar="DIR", required=required, type=path, help=description)


plugin_option = click.option(
    "--plugin",
    "plugin_files",
    multiple=True,
    metavar="FILE.py",
    type=click.Path(path_type=Path),
    help="Also load the plugin in this Python file. Repeatable.",
)
jobs_option = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Processor cores to use: N batches (groups of trials) or plots run at a time, and fewer batches share the N "
    "cores. On CUDA, N batches run at a time on all devices together.  [default: all cores that this process may use, "
    "as far as memory suffices; one batch a CUDA device]",
)
timeout_option = seconds_option(
    "--timeout",
    "Time limit in seconds of a batch (a group of trials that run together, compilation included), of loading a "
    "third-party plugin, and of planning one of its problems or optimizers.  [default: none for a batch, else 60]",
)
loading_timeout_option = seconds_option(
    "--timeout",
    "Time limit in seconds of loading a third-party plugin.",
    60.0,  # study.loading.TIME_LIMIT, which imports torch
)
SUMMARY_FORMATS = ("table", "json", "csv", "markdown")
"""Equal to `reports.console.FORMATS`, which imports torch."""
format_option = choice_of_format(SUMMARY_FORMATS, "Format of the summary on stdout.")
text_or_json_option = choice_of_format(
    ("text", "json"), "Format of the output; docs/plugins.md describes the keys of the JSON document."
)
open_option = click.option(
    "--open", "opens_page", is_flag=True, help="Open the page of the study, its index.html, in a browser."
)

import_option = click.option(
    "--allow-import",
    is_flag=True,
    help="Let the suite or study name optimizers as module:Class of any module, whose code then runs. Otherwise only "
    "torch.optim is allowed; -o may always name any class.",
)


def load_plugins(
    plugin_files: tuple[Path, ...], timeout: float | None, executor: str = "processes"
) -> "Catalog":
    """Load the plugins, the third-party ones in child processes, and print a line for each faulty one.

    Raises: UsageError if a plugin file cannot be loaded.
    """
    catalog = open_plugins(plugin_files, timeout, executor)

    from benchbed.study.loading import check_files

    check_files(catalog, plugin_files)
    print_plugin_errors(catalog)
    return catalog


def open_plugins(
    plugin_files: tuple[Path, ...], timeout: float | None, executor: str = "processes"
) -> "Catalog":
    """Load the plugins, the third-party ones in child processes."""
    from benchbed.catalog.discovery import installed_plugins
    from benchbed.runner.fork_server import start_fork_server

    has_third_party = plugin_files or not all(plugin.built_in for plugin in installed_plugins()[0])
    if has_third_party and executor != "serial":
        start_fork_server()  # it imports torch while this process does
    from benchbed.study.loading import open_catalog

    return open_catalog(plugin_files, timeout, executor)


def absolute_paths(plugin_files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the absolute paths, which child processes load."""
    return tuple(absolute_path(file) for file in plugin_files)
