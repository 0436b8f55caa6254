"""Define the options that several commands share, and turn them into a request."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from benchbed.catalog import Catalog
    from benchbed.plan import Plan

F = TypeVar("F", bound=Callable[..., Any])

plugin_option = click.option(
    "--plugin",
    "plugin_files",
    multiple=True,
    metavar="FILE.py",
    type=click.Path(path_type=Path),
    help="Also load the plugin in this file. Repeatable.",
)

jobs_option = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Batches, or figures, at a time; fewer batches share as many threads.  [default: the cores]",
)
timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="S",
    help="Wall seconds that one batch may take, compiling included.  [default: no limit]",
)
format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(("table", "json", "csv", "markdown")),
    default="table",
    help="How to print the summary on stdout.",
)

_SELECTOR = "NAME[key=value,…]"
_PLAN_OPTIONS = [
    click.argument("suite", required=False, metavar="[SUITE]", type=click.Path(path_type=Path)),
    click.option(
        "-p", "--problem", "problems", multiple=True, metavar=_SELECTOR, help="A problem to run. Repeatable."
    ),
    click.option(
        "-o",
        "--optimizer",
        "optimizers",
        multiple=True,
        metavar=_SELECTOR,
        help="An optimizer to run; module:Class is any torch.optim.Optimizer. Repeatable.",
    ),
    click.option(
        "--preset",
        metavar="quick|standard|full",
        help="How much to spend: seconds, a minute, or what to publish with.  [default: standard]",
    ),
    click.option(
        "--track",
        "tracks",
        multiple=True,
        metavar="default|tuned|searched",
        help="Run the defaults, the best learning rate of a shared grid, or the best of points spread over each "
        "optimizer's whole search space. Repeatable.  [default: default and tuned]",
    ),
    click.option(
        "--steps",
        type=int,
        metavar="N",
        help="Budget of each trial in calls (one loss and gradient on one draw).  [default: the problem's]",
    ),
    click.option(
        "--tolerance",
        type=float,
        metavar="X",
        help="Stop a trial, as converged, before an update whose gradient has at most this Euclidean norm.  "
        "[default: never]",
    ),
    click.option(
        "--stop-when-solved/--no-stop-when-solved",
        default=None,
        help="Stop a trial once all targets are reached, or let it go on; its score is the same.  [default: stop]",
    ),
    click.option(
        "--seeds", type=int, metavar="N", help="Number of evaluation seeds.  [default: the preset's]"
    ),
    click.option("--seed", type=int, metavar="N", help="Moves all seeds at once.  [default: 0]"),
    click.option("--device", metavar="auto|cpu|cuda[:i]", help="Where to compute.  [default: auto]"),
    click.option("--dtype", metavar="float32|float64", help="Arithmetic.  [default: the problem's]"),
    click.option(
        "--gradient",
        metavar="NAME",
        help="How losses are differentiated, each way at its own price in calls (see `benchbed list gradients`).  "
        "[default: reverse]",
    ),
    click.option(
        "--engine",
        metavar="auto|eager|compiled",
        help="Make steps one by one, or many at once by a compiled program, which takes seconds to make; auto compiles "
        "where the planned work is long.  [default: auto]",
    ),
    plugin_option,
]


def plan_options(function: F) -> F:
    """Add the options that say what to run."""
    for option in reversed(_PLAN_OPTIONS):
        function = option(function)
    return function


def make(options: dict[str, Any]) -> "tuple[Catalog, Plan, tuple[str, ...]]":
    """Give the catalog, the plan and the plugin files that the options ask for."""
    from benchbed.catalog import load_catalog
    from benchbed.plan import complete_request, make_plan
    from benchbed.plan.request import as_request

    suite, files = options.pop("suite"), options.pop("plugin_files")
    catalog = load_catalog(files)
    complain(catalog)
    said = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value not in (None, ())
    }
    request = complete_request(catalog, as_request(said, "options"), suite)
    return catalog, make_plan(catalog, request), tuple(str(file.resolve()) for file in files)


def complain(catalog: "Catalog") -> None:
    """Say on stderr, in a line each, what is wrong with the environment and its plugins."""
    for line in (*catalog.warnings, *(plugin.complaint for plugin in catalog.plugins if plugin.complaint)):
        click.echo(f"warning: {line}", err=True)
