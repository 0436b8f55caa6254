"""`benchbed reference`: compute the lowest objective of problems whose optimum is not known."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbed.cli.options import absolute_paths, load_plugins, plugin_option
from benchbed.cli.output import print_line

if TYPE_CHECKING:
    from benchbed.interfaces.references import Reference


@click.command("reference", short_help="Compute the lowest objective of a problem without a known optimum.")
@click.argument("problems", nargs=-1, required=True, metavar="NAME[key=value,…]…")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Time for each problem.",
)
@plugin_option
def reference_command(problems: tuple[str, ...], seconds: float, plugin_files: tuple[Path, ...]) -> int:
    """Compute the lowest objective of each problem and store it beside the file of its class.

    Trials then have gaps and scores, as if `optimum` returned the value, as long as the code of the class, the
    parameters and the data stay the same. The objective over all samples is minimized by L-BFGS in float64, from five
    starts, or from one if the class says `is_convex = True`. A convex problem whose gradient ends so small that no
    target depends on the rest has a certified value. The value of any other problem is the best known one.

    \b
    Examples:
      benchbed reference digits-logistic --plugin ./digits.py
      benchbed reference 'digits-logistic[l2=0.01]' --plugin ./digits.py --seconds 300

    \b
    Exit codes: 0 all stored, 1 a problem has no reference value, 2 wrong usage.
    """  # fmt: skip
    from benchbed.runner.fork_server import start_fork_server

    start_fork_server()
    from benchbed.study.references import compute_references

    catalog = load_plugins(plugin_files, None)
    computed = compute_references(catalog, problems, absolute_paths(plugin_files), seconds)
    for selector, result in zip(problems, computed, strict=True):
        if result.reference is None:
            click.echo(f"error: {selector}: {result.error}", err=True)
        else:
            print_line(f"{selector}: {_describe(result.reference)}; stored in {result.path}")
    return 0 if all(result.reference for result in computed) else 1


def _describe(reference: "Reference") -> str:
    from benchbed.interfaces.references import ReferenceKind

    norm = f"gradient norm {reference.gradient_norm:.2g}"
    if reference.kind == ReferenceKind.CERTIFIED:
        return f"f* = {reference.value:.12g}, certified by convexity and {norm}"
    return f"f* = {reference.value:.12g}, the best known value with {norm}"
