"""The command `benchbed findings`: reproduce known findings about optimizers."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbed.hookspecs import hookimpl

if TYPE_CHECKING:
    from benchbed_findings.record import Finding

PARTS = {
    "rates": "Gradient descent, heavy ball and Nesterov's method converge at the rates of their theory.",
    "signs": "Adam moves by signs, and AdamW's weight decay λ confines θ to the box |θᵢ| ≤ 1/λ.",
    "noise": "Under noise, SGD and heavy ball end at floors that formulas predict.",
    "batches": "Doubling the batch halves the steps up to a critical size, above which only momentum helps.",
    "averages": "A decay to 0 and an average of all iterates remove the noise floor; a short average only lowers it.",
    "bounds": "No rule beats Nesterov's lower bound, and RMSProp can end at the wrong side where AMSGrad does not.",
    "schedules": "Too large a rate costs most with a constant schedule, less with a linear one, least with a cosine.",
    "tails": "Gradient descent neglects rare words and rare classes; sign descent does not.",
    "matrices": "Muon learns rare facts faster than Adam.",
    "rotations": "Adam's lead over gradient descent needs curvature along the axes.",
    "accuracies": "A quasi-Newton method reaches accuracies that first-order rules do not.",
    "peaks": "The test loss of a polynomial peaks where it has as many coefficients as samples.",
    "networks": "Convolution helps on signals, and loses its advantage where positions are shuffled.",
}
"""The parts in order, each with the statement that its findings support."""


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    """Register the command."""
    register(findings)


@click.command("findings", short_help="Reproduce known findings about optimizers.")
@click.argument("parts", nargs=-1, metavar="[PART]...", type=click.Choice(tuple(PARTS)))
@click.option(
    "-O",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Also draw a figure of each part, and write findings.md beside the figures in this folder.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "markdown")),
    default="text",
    help="Lines, or sections with tables.  [default: text]",
)
def findings(parts: tuple[str, ...], output: Path | None, format_: str) -> int:
    """Compute properties of optimizers that a closed form, a theorem or a paper states, and compare the values.

    PART is rates, signs, noise, batches, averages, bounds, schedules, tails, matrices, rotations, accuracies, peaks or
    networks; without arguments, all parts run, in a few minutes. docs/findings.md shows the findings with figures and
    sources.

    \b
    Examples:
      benchbed findings
      benchbed findings rates tails
      benchbed findings --output results/findings

    \b
    Exit codes: 0 all findings hold, 1 one does not, 2 wrong usage, 3 the folder cannot be written.
    """
    import torch

    from benchbed_findings.page import check_folder, render, write_page

    torch.set_num_threads(1)  # the tensors are small: more threads take longer
    if output:
        check_folder(output)  # before minutes of computing
    results: dict[str, list[Finding]] = {}
    for part, finding in compute(parts or PARTS):
        results.setdefault(part, []).append(finding)
        if format_ == "text":
            click.echo(f"{'holds' if finding.holds else 'FAILS'}  {finding.sentence}")
            click.echo(f"       expected {finding.expected}; measured {finding.measured} ({finding.source})")
    count = sum(map(len, results.values()))
    failures = sum(not finding.holds for of_part in results.values() for finding in of_part)
    if format_ == "markdown":
        click.echo(render(results, with_figures=False), nl=False)
    else:
        click.echo(f"{count} findings: {count - failures} hold, {failures} fail")
    if output:
        click.echo(f"figures and tables: {write_page(output, results)}", err=True)
    return min(failures, 1)


def compute(parts: Collection[str]) -> "Iterator[tuple[str, Finding]]":
    """Yield the findings of some parts with the name of their part, in the order of `PARTS`."""
    functions = functions_by_part()
    for part in PARTS:
        if part in parts:
            for finding in functions[part]():
                yield part, finding


def functions_by_part() -> "Mapping[str, Callable[[], Iterator[Finding]]]":
    """Return the function that computes each part; `benchbed --help` imports this module and must not import torch."""
    from benchbed_findings.accuracies import accuracies
    from benchbed_findings.averages import noise_floors_of_averages
    from benchbed_findings.batches import critical_batch
    from benchbed_findings.bounds import worst_cases
    from benchbed_findings.matrices import rare_facts
    from benchbed_findings.networks import networks
    from benchbed_findings.noise import noise_floors
    from benchbed_findings.peaks import peaks
    from benchbed_findings.rates import linear_rates
    from benchbed_findings.rotations import rotations
    from benchbed_findings.schedules import large_rates
    from benchbed_findings.signs import signs_and_decay
    from benchbed_findings.tails import tails

    return {
        "rates": linear_rates,
        "signs": signs_and_decay,
        "noise": noise_floors,
        "batches": critical_batch,
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
