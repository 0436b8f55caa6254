"""Options that several commands share, and the plan that they describe."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from benchbed.cli.output import print_plugin_errors
from benchbed.formatting import absolute_path

if TYPE_CHECKING:
    from benchbed.catalog.lookup import Catalog
    from benchbed.plan import Plan

F = TypeVar("F", bound=Callable[..., Any])

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
    "cores.  [default: all cores]",
)
timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="S",
    help="Time limit of a batch (a group of trials that run together) in seconds, compilation included.  "
    "[default: no limit]",
)
format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(("table", "json", "csv", "markdown")),  # reports.console.FORMATS, which imports torch
    default="table",
    show_default=True,
    help="Format of the summary on stdout.",
)

_SELECTOR = "NAME[key=value,…]"
_PLAN_OPTIONS = [
    click.argument("suite", required=False, metavar="[SUITE]", type=click.Path(path_type=Path)),
    click.option(
        "-p",
        "--problem",
        "problems",
        multiple=True,
        metavar=_SELECTOR,
        help="Problem to minimize; the parameters in brackets are optional. Repeatable.  [default: those of the suite]",
    ),
    click.option(
        "-o",
        "--optimizer",
        "optimizers",
        multiple=True,
        metavar=_SELECTOR,
        help="Optimizer to run; module:Class runs any torch.optim.Optimizer. Repeatable.  "
        "[default: those of the suite]",
    ),
    click.option(
        "--preset",
        metavar="quick|standard|full",
        help="Amount of work: quick takes seconds, standard about a minute, full is for publications.  "
        "[default: standard]",
    ),
    click.option(
        "--track",
        "tracks",
        multiple=True,
        metavar="default|tuned|searched",
        help="Choice of hyperparameters: default takes the optimizer's defaults, tuned the best learning rate of a "
        "grid, searched the best point of the optimizer's search space. Repeatable.  [default: default and tuned]",
    ),
    click.option(
        "--steps",
        type=int,
        metavar="N",
        help="Budget of a trial (one run of an optimizer) in calls; a call computes one loss and its gradient on one "
        "mini-batch.  [default: that of the problem]",
    ),
    click.option(
        "--tolerance",
        type=float,
        metavar="X",
        help="Stop a trial as converged when the Euclidean norm of its gradient is at most X.  [default: never]",
    ),
    click.option(
        "--stop-when-solved/--no-stop-when-solved",
        default=None,
        help="Stop a trial that has reached all targets, or run it on; its score is the same.  [default: stop]",
    ),
    click.option(
        "--seeds",
        type=int,
        metavar="N",
        help="Number of seeds (random starts, data and mini-batches) on which optimizers are evaluated.  "
        "[default: that of the preset]",
    ),
    click.option(
        "--seed",
        type=int,
        metavar="N",
        help="Seed of the study, from which all other seeds are derived.  [default: 0]",
    ),
    click.option(
        "--device",
        metavar="auto|cpu|cuda[:i]",
        help="Device to compute on; auto takes CUDA if available.  [default: auto]",
    ),
    click.option(
        "--dtype",
        metavar="float32|float64",
        help="Floating-point type to compute in.  [default: that of the problem]",
    ),
    click.option(
        "--gradient",
        metavar="NAME",
        help="Method of differentiation; each has its own price in calls (see `benchbed list gradients`).  "
        "[default: reverse]",
    ),
    click.option(
        "--engine",
        metavar="auto|eager|compiled",
        help="Computation of steps: eager runs torch operations, compiled runs native code that takes seconds to "
        "compile, auto compiles if the planned work is long.  [default: auto]",
    ),
    plugin_option,
]


def plan_options(function: F) -> F:
    """Add the argument and the options that describe a plan."""
    for option in reversed(_PLAN_OPTIONS):
        function = option(function)
    return function


def resolve_options(options: dict[str, Any]) -> "tuple[Catalog, Plan, tuple[str, ...]]":
    """Return the catalog, the plan and the absolute paths of plugin files for the options of `plan_options`."""
    from benchbed.catalog.loading import load_catalog
    from benchbed.plan import complete_request, make_plan
    from benchbed.plan.request import as_request

    suite, plugin_files = options.pop("suite"), options.pop("plugin_files")
    catalog = load_catalog(plugin_files)
    print_plugin_errors(catalog)
    values = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value not in (None, ())
    }
    request = complete_request(catalog, as_request(values, ""), suite)
    return catalog, make_plan(catalog, request), absolute_paths(plugin_files)


def absolute_paths(plugin_files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the absolute paths, which child processes load."""
    return tuple(absolute_path(file) for file in plugin_files)
