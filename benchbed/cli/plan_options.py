"""The argument and options that describe a plan, and the plan that they describe."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchbed.cli.completion import complete_metavar, complete_names
from benchbed.cli.options import F, absolute_paths, import_option, load_plugins, plugin_option
from benchbed.cli.output import print_warnings

if TYPE_CHECKING:
    from benchbed.catalog.lookup import Catalog
    from benchbed.plan import Plan

_PATH = click.Path(path_type=Path)
_COMPLETE_SUITE = complete_names("suites", files=True)
_SELECTOR = "NAME[key=value,…]"
_PLAN_OPTIONS = [
    click.argument("suite", required=False, metavar="[SUITE]", type=_PATH, shell_complete=_COMPLETE_SUITE),
    click.option(
        "-p",
        "--problem",
        "problems",
        multiple=True,
        metavar=_SELECTOR,
        shell_complete=complete_names("problems"),
        help="Problem to minimize; the parameters in brackets are optional. Repeatable.  [default: those of the suite]",
    ),
    click.option(
        "-o",
        "--optimizer",
        "optimizers",
        multiple=True,
        metavar=_SELECTOR,
        shell_complete=complete_names("optimizers"),
        help="Optimizer to run; module:Class runs any torch.optim.Optimizer. Repeatable.  "
        "[default: those of the suite]",
    ),
    click.option(
        "--preset",
        metavar="quick|standard|full",
        shell_complete=complete_metavar,
        help="Amount of work: quick takes seconds, standard about a minute, full is for publications.  "
        "[default: standard]",
    ),
    click.option(
        "--track",
        "tracks",
        multiple=True,
        metavar="default|tuned|searched",
        shell_complete=complete_metavar,
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
        shell_complete=complete_metavar,
        help="Device to compute on: cuda takes all CUDA devices, cuda:1 one of them, and auto CUDA if available.  "
        "[default: auto]",
    ),
    click.option(
        "--dtype",
        metavar="float32|float64",
        shell_complete=complete_metavar,
        help="Floating-point type to compute in.  [default: that of the problem]",
    ),
    click.option(
        "--gradient",
        metavar="NAME",
        shell_complete=complete_names("gradients"),
        help="Method of differentiation; each has its own price in calls (see `benchbed list gradients`).  "
        "[default: reverse]",
    ),
    click.option(
        "--engine",
        metavar="auto|eager|compiled",
        shell_complete=complete_metavar,
        help="Computation of steps: eager runs torch operations, compiled runs native code that takes seconds to "
        "compile, auto compiles if the planned work is long.  [default: auto]",
    ),
    click.option(
        "--skip-unusable",
        is_flag=True,
        default=None,
        help="Leave out problems and optimizers that cannot be used, with a warning for each, and run the others.",
    ),
    click.option(
        "--shard",
        metavar="I/N",
        help="Only the share I of N, such as 3/16: whole pairings of a problem and an optimizer, the same on every "
        "machine. `benchbed merge` joins the folders of the shards.  [default: the whole study]",
    ),
    plugin_option,
    import_option,
]


def plan_options(function: F) -> F:
    """Add the argument and the options that describe a plan."""
    for option in reversed(_PLAN_OPTIONS):
        function = option(function)
    return function


def resolve_options(
    options: dict[str, Any], timeout: float | None, executor: str = "processes"
) -> "tuple[Catalog, Plan, tuple[str, ...]]":
    """Return the catalog, the plan and the absolute paths of plugin files for the options of `plan_options`."""
    from benchbed.plan import complete_request, parse_shard
    from benchbed.plan.request import as_request
    from benchbed.study.planning import plan_request

    suite, plugin_files = options.pop("suite"), options.pop("plugin_files")
    allow_import, shard_text = options.pop("allow_import"), options.pop("shard")
    shard = None if shard_text is None else parse_shard(shard_text)
    catalog = load_plugins(plugin_files, timeout, executor)
    values = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value not in (None, ())
    }
    request = complete_request(catalog, as_request(values, ""), suite, allow_import)
    files = absolute_paths(plugin_files)
    plan, warnings = plan_request(catalog, request, files, timeout, executor)
    print_warnings(warnings)
    return catalog, plan.of_shard(shard), files
