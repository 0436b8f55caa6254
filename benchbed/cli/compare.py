"""`benchbed compare`: say what changed from one study to another."""

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from benchbed.study.compare import Change

_NO_INTERVAL = "one seed"


@click.command("compare", short_help="Say what changed from one study to another.")
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option(
    "--fail-if-worse",
    "margin",
    type=click.FloatRange(0),
    metavar="X",
    help="Exit with 1 if an overall score fell by more than X, exactly or with an interval that excludes 0.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(("table", "csv")),
    default="table",
    help="How to print the changes on stdout.",
)
def compare_command(first: Path, second: Path, margin: float | None, format_: str) -> int:
    """Compare the scores of two studies of the same plan, paired by seed: SECOND less FIRST.

    Two commits, two machines, two gradients, two versions of torch: where budgets, targets, dtypes, presets, seeds or
    tolerances differ, scores do not compare, and the command says so.

    \b
    Examples:
      benchbed compare results/before results/after
      benchbed compare results/main results/branch --fail-if-worse 0.02

    \b
    Exit codes: 0 compared, 1 worse than --fail-if-worse allows, 2 the studies do not compare,
    3 a folder cannot be used, 5 they share nothing.
    """  # fmt: skip
    from benchbed.study import load
    from benchbed.study.compare import compare_studies, describe_problem, frame_of, worsened

    before, after = load(first), load(second)
    changes = compare_studies(before, after)
    if before.plan.gradient != after.plan.gradient:
        ways = f"{before.plan.gradient} gradients to {after.plan.gradient} ones"
        click.echo(f"note: from {ways}, each at its own price in calls", err=True)
    frame = frame_of(changes)
    if format_ == "csv":
        click.echo(frame.to_csv(index=False, lineterminator="\n").rstrip("\n"))
    else:
        for change in changes:
            click.echo(
                f"{change.difference:+.3f} {_interval(change):<18} {change.before:.3f} to {change.after:.3f}  "
                f"{describe_problem(change.problem)}, {change.optimizer}, {change.track}"
            )
    worse = worsened(changes, margin) if margin is not None else []
    for change in worse:
        click.echo(
            f"error: {change.optimizer} on the {change.track} track fell by {-change.difference:.3f}",
            err=True,
        )
    if margin is not None and any(_interval(change) == _NO_INTERVAL for change in changes):
        click.echo("warning: with one seed there is no interval, so that no fall counts as worse", err=True)
    return 1 if worse else 0


def _interval(change: "Change") -> str:
    if change.is_exact:
        return "exact"
    return _NO_INTERVAL if isnan(change.low) else f"[{change.low:+.3f}, {change.high:+.3f}]"
