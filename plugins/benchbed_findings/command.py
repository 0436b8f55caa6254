"""The command `benchbed findings`: reproduce known findings about optimizers."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import click

from benchbed.hookspecs import hookimpl

if TYPE_CHECKING:
    from benchbed_findings.record import Finding

PARTS = (
    *("rates", "signs", "noise", "averages", "bounds", "schedules"),
    *("tails", "matrices", "rotations", "accuracies", "peaks", "networks"),
)


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    """Register the command."""
    register(findings)


@click.command("findings", short_help="Reproduce known findings about optimizers.")
@click.argument("parts", nargs=-1, metavar="[PART]...", type=click.Choice(PARTS))
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "markdown")),
    default="text",
    help="Lines, or the rows of a table.  [default: text]",
)
def findings(parts: tuple[str, ...], format_: str) -> int:
    """Compute properties of optimizers that a closed form, a theorem or a paper states, and compare the values.

    PART is rates, signs, noise, averages, bounds, schedules, tails, matrices, rotations, accuracies, peaks or
    networks; without arguments, all parts run, in a few minutes. docs/findings.md explains each finding and names its
    source.

    \b
    Examples:
      benchbed findings
      benchbed findings rates tails

    \b
    Exit codes: 0 all findings hold, 1 one does not, 2 wrong usage.
    """
    import torch

    torch.set_num_threads(1)  # the tensors are small: more threads take longer
    if format_ == "markdown":
        click.echo("| finding | expected | measured | holds |\n|---|---|---|---|")
    count = failures = 0
    for finding in compute(parts or PARTS):
        count, failures = count + 1, failures + (not finding.holds)
        if format_ == "markdown":
            cells = finding.sentence, finding.expected, finding.measured, "yes" if finding.holds else "NO"
            click.echo(f"| {' | '.join(cells)} |")
        else:
            click.echo(f"{'holds' if finding.holds else 'FAILS'}  {finding.sentence}")
            click.echo(f"       expected {finding.expected}; measured {finding.measured}")
    if format_ == "text":
        click.echo(f"{count} findings: {count - failures} hold, {failures} fail")
    return min(failures, 1)


def compute(parts: tuple[str, ...]) -> "Iterator[Finding]":
    """Yield the findings of some parts, in the order of `PARTS`."""
    functions = functions_by_part()
    for part in PARTS:
        if part in parts:
            yield from functions[part]()


def functions_by_part() -> "Mapping[str, Callable[[], Iterator[Finding]]]":
    """Return the function that computes each part; `benchbed --help` imports this module and must not import torch."""
    from benchbed_findings.averages import noise_floors_of_averages
    from benchbed_findings.bounds import worst_cases
    from benchbed_findings.matrices import rare_facts
    from benchbed_findings.problems import accuracies, networks, peaks, rotations, tails
    from benchbed_findings.rates import large_rates, linear_rates, noise_floors, signs_and_decay

    return {
        "rates": linear_rates,
        "signs": signs_and_decay,
        "noise": noise_floors,
        "averages": noise_floors_of_averages,
        "bounds": worst_cases,
        "schedules": large_rates,
        "tails": tails,
        "matrices": rare_facts,
        "rotations": rotations,
        "accuracies": accuracies,
        "peaks": peaks,
        "networks": networks,
    }
