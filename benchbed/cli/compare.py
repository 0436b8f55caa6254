"""`benchbed compare`: print the differences between two studies."""

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbed.cli.output import print_warnings
from benchbed.errors import UsageError

if TYPE_CHECKING:
    from benchbed.study.compare import Change


@click.command("compare", short_help="Print the differences between two studies.")
@click.argument("first", metavar="FIRST", type=click.Path(path_type=Path))
@click.argument("second", metavar="SECOND", type=click.Path(path_type=Path))
@click.option(
    "--fail-if-worse",
    "margin",
    type=click.FloatRange(0),
    metavar="X",
    help="Exit with code 1 if a score fell significantly by more than X: the 95 % interval of the mean over problems "
    "excludes 0, Holm's adjusted p of one of several problems is below 0.05, or no trial depends on its seed.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(("table", "csv")),
    default="table",
    show_default=True,
    help="Format of the differences on stdout.",
)
@click.option(
    "--unpaired", is_flag=True, help="Accept studies with different --seed, as independent samples of seeds."
)
def compare_command(first: Path, second: Path, margin: float | None, format_: str, unpaired: bool) -> int:
    """Print the differences between the scores of two studies, SECOND minus FIRST, paired by seed.

    FIRST and SECOND are study folders of the same problems and optimizers, such as from two commits, two machines, two
    gradients or two versions of torch. Scores are comparable only if budgets, targets, dtypes, presets, numbers of
    seeds and tolerances are equal; otherwise the command says which of them differ. So it does if --seed differs,
    unless --unpaired accepts two independent samples. A star marks significant differences.
    Problems whose code differs are left out, and --fail-if-worse then ends with code 2: it has no verdict on them.

    \b
    Examples:
      benchbed compare results/before results/after
      benchbed compare results/main results/branch --fail-if-worse 0.02

    \b
    Exit codes: 0 compared, 1 a score fell by more than --fail-if-worse, 2 the studies are not comparable,
    3 a folder cannot be used, 5 the studies have no problem and optimizer in common.
    """  # fmt: skip
    from benchbed.analysis.pairwise_tests import SIGNIFICANT
    from benchbed.study import load
    from benchbed.study.compare import compare_studies, describe_problem, frame_of, worsened
    from benchbed.study.plan_differences import revisions_of

    before, after = load(first), load(second)
    print_warnings(dict.fromkeys([*before.warnings, *after.warnings]))
    revisions = revisions_of(before.plan, after.plan)
    for kind, name, modules in revisions:
        where = f" (in {', '.join(modules)})" if modules else ""
        effect = ", so that its scores are not compared" if kind == "problem" else ""
        click.echo(f"note: {kind} {name} differs between the studies{where}{effect}", err=True)
    changes = compare_studies(before, after, unpaired)
    if before.plan.gradient != after.plan.gradient:
        gradients = f"{before.plan.gradient} and {after.plan.gradient}"
        click.echo(f"note: the studies use different gradients, {gradients}, each at its own price", err=True)
    if format_ == "csv":
        click.echo(frame_of(changes).to_csv(index=False, lineterminator="\n").rstrip("\n"))
    else:
        for change in changes:
            star = "*" if change.adjusted_p < SIGNIFICANT else " "
            click.echo(
                f"{change.difference:+.3f}{star} {_interval(change):<18} {change.before:.3f} to {change.after:.3f}  "
                f"{describe_problem(change.problem)}, {change.optimizer}, {change.track}"
            )
        if not all(isnan(change.adjusted_p) for change in changes):
            click.echo(_footnote(changes))
    if margin is None:
        return 0
    worse = worsened(changes, margin)
    for change in worse:
        click.echo(
            f"error: {describe_problem(change.problem)}, {change.optimizer} on the {change.track} track fell by "
            f"{-change.difference:.3f}",
            err=True,
        )
    if any(isnan(change.low) and not change.is_exact for change in changes):
        click.echo("warning: with one seed there is no interval, so that no fall is significant", err=True)
    revised = [revision.name for revision in revisions if revision.kind == "problem"]
    if revised:
        raise UsageError(
            f"--fail-if-worse has no verdict on {', '.join(revised)}, which differs between the studies; run both with "
            "the same version of it"
        )
    return 1 if worse else 0


def _interval(change: "Change") -> str:
    if change.is_exact:
        return "exact"
    return "one seed" if isnan(change.low) else f"[{change.low:+.3f}, {change.high:+.3f}]"


def _footnote(changes: "list[Change]") -> str:
    """Describe the star, and the changes that a comparison of such studies notices."""
    from benchbed.analysis.pairwise_tests import SIGNIFICANT
    from benchbed.formatting import plural

    tests = plural(sum(not isnan(change.adjusted_p) for change in changes), "row")
    noticeable = [change.noticeable for change in changes if not isnan(change.noticeable)]
    power = "which changes are noticed is unknown, because no difference varies between seeds"
    if noticeable:
        limits = f"{min(noticeable):.3f} to {max(noticeable):.3f}"
        power = f"80 % of such comparisons notice changes of at least {limits}"
    return f"* significant: Holm's adjusted p over {tests} is below {SIGNIFICANT}; {power}"
