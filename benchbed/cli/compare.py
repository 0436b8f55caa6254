"""`benchbed compare`: print the differences between two studies."""

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbed.cli.completion import complete_studies
from benchbed.cli.options import SUMMARY_FORMATS, choice_of_format
from benchbed.cli.output import print_line, print_warnings, terminal
from benchbed.errors import UsageError

if TYPE_CHECKING:
    from benchbed.plan import Plan
    from benchbed.study.plan_differences import Revision


@click.command("compare", short_help="Print the differences between two studies.")
@click.argument("first", metavar="FIRST", type=click.Path(path_type=Path), shell_complete=complete_studies)
@click.argument("second", metavar="SECOND", type=click.Path(path_type=Path), shell_complete=complete_studies)
@click.option(
    "--fail-if-worse",
    "margin",
    type=click.FloatRange(0),
    metavar="X",
    help="Exit with code 1 if a score fell significantly by more than X: the 95 % interval of the mean over problems "
    "excludes 0, Holm's adjusted p of one of several problems is below 0.05, or no trial depends on its seed.",
)
@click.option(
    "--per-problem",
    is_flag=True,
    help="Apply --fail-if-worse to each problem alone: p values are adjusted over the rows of one problem, so that "
    "further problems hide no fall, and means over problems do not count.",
)
@choice_of_format(SUMMARY_FORMATS, "Format of the differences on stdout.")
@click.option(
    "--page",
    "page_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the changes, and the results of SECOND with those of FIRST in grey, as a page without network access.",
)
@click.option(
    "--unpaired", is_flag=True, help="Accept studies with different --seed, as independent samples of seeds."
)
def compare_command(
    first: Path,
    second: Path,
    margin: float | None,
    per_problem: bool,
    format_: str,
    page_file: Path | None,
    unpaired: bool,
) -> int:
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
      benchbed compare results/main results/branch --fail-if-worse 0.02 --per-problem
      benchbed compare results/main results/branch --page changes.html
      benchbed compare results/main results/branch --format markdown >> "$GITHUB_STEP_SUMMARY"

    \b
    Exit codes: 0 compared, 1 a score fell by more than --fail-if-worse, 2 the studies are not comparable,
    3 a folder cannot be used, 5 the studies have no problem and optimizer in common.
    """  # fmt: skip
    if per_problem and margin is None:
        raise UsageError("--per-problem has no rule to apply; add --fail-if-worse X")
    from benchbed.study import load
    from benchbed.study.change_tables import describe_problem, render_changes
    from benchbed.study.compare import compare_studies
    from benchbed.study.plan_differences import revisions_of
    from benchbed.study.verdict import worsened

    before, after = load(first), load(second)
    print_warnings(dict.fromkeys([*before.warnings, *after.warnings]))
    revisions = revisions_of(before.plan, after.plan)
    notes = _notes(before.plan, after.plan, revisions)
    for note in notes:
        click.echo(f"note: {note}", err=True)
    changes = compare_studies(before, after, unpaired)
    width, color, encoding = terminal()
    click.echo(render_changes(changes, format_, notes, width, color, encoding).rstrip("\n"))
    if page_file is not None:
        from benchbed.study.comparison_page import write_page

        write_page(page_file, before, after, changes, notes)
        print_line(f"page: {page_file}", err=True)
    if margin is None:
        return 0
    worse = worsened(changes, margin, per_problem)
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


def _notes(before: "Plan", after: "Plan", revisions: "list[Revision]") -> list[str]:
    """Describe code and gradients that differ between the studies."""
    notes = []
    for kind, name, modules in revisions:
        where = f" (in {', '.join(modules)})" if modules else ""
        effect = ", so that its scores are not compared" if kind == "problem" else ""
        notes.append(f"{kind} {name} differs between the studies{where}{effect}")
    if before.gradient != after.gradient:
        gradients = f"{before.gradient} and {after.gradient}"
        notes.append(f"the studies use different gradients, {gradients}, each at its own price")
    return notes
