"""`benchbed list`: list the registered problems, optimizers and more."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbed.catalog.records import KINDS
from benchbed.cli.options import load_plugins, loading_timeout_option, plugin_option
from benchbed.cli.output import print_line

if TYPE_CHECKING:
    from benchbed.catalog.records import Entry, Kind


@click.command("list", short_help="List the available problems, optimizers and more.")
@click.argument("kind", required=False, metavar="[KIND]", type=click.Choice(KINDS))
@plugin_option
@loading_timeout_option
def list_command(kind: "Kind | None", plugin_files: tuple[Path, ...], timeout: float) -> None:
    """List the available problems, optimizers and more, with their parameters and the packages they come from.

    KIND is problems, optimizers, wrappers, metrics, gradients, executors, reports, figures or suites.

    \b
    Examples:
      benchbed list
      benchbed list optimizers
      benchbed list problems --plugin ./mine.py
    """
    catalog = load_plugins(plugin_files, timeout)
    for listed_kind in [kind] if kind else KINDS:
        click.echo(f"{listed_kind}:")
        for name in catalog.names(listed_kind):
            entry = catalog.entry(listed_kind, name)
            print_line(f"  {name}  ({f'{entry.distribution} {entry.version}'.strip()})")
            for line in _lines(entry):
                print_line(f"      {line}")


def _lines(entry: "Entry") -> Iterator[str]:
    from benchbed.catalog.details import GradientDetails, ProblemDetails, details_of

    if entry.summary:
        yield entry.summary
    try:
        details = details_of(entry)
    except ModuleNotFoundError as error:  # the library of a built-in problem's data
        yield f"cannot be used: {error}"
        return
    if isinstance(details, GradientDetails):
        draws = "; draws in every step" if details.has_draws else ""
        yield f"price of a gradient in calls: {_format_prices(details.prices)}{draws}"
    elif details is not None:
        yield ", ".join(details.parameters) or "no parameters"
    if isinstance(details, ProblemDetails):
        price = (
            "no price (synthetic noise)" if details.full_price is None else f"{details.full_price:g} calls"
        )
        kind = f"group {details.group}; dimension {details.dimension}, {details.dtype}"
        yield f"{kind}, budget {details.budget} calls; a full gradient: {price}"
        targets = ", ".join(f"{target:.2g}" for target in details.targets)
        of_metric = f" of {details.target_metric}" if details.target_metric else ""
        yield f"targets {targets}{of_metric}; success at {details.success_target:g}"
        optimum = "a lower bound" if details.optimum_is_bound else "exact"
        if not details.has_optimum:
            optimum = "unknown" if details.target_metric else "unknown, so no score without a reference value"
        yield f"optimum {optimum}; scale: median of f₀ − f* over {details.scale_instances} instances"


def _format_prices(prices: Sequence[float]) -> str:
    """Format prices at some dimensions as a formula if they are linear in the dimension."""
    from fractions import Fraction

    from benchbed.catalog.details import DIMENSIONS

    slope = Fraction(prices[1] - prices[0]).limit_denominator(1000)
    intercept = (Fraction(prices[0]) - slope).limit_denominator(1000)
    by_dimension = list(zip(DIMENSIONS, prices, strict=True))
    if any(abs(slope * d + intercept - price) > 1e-9 * price for d, price in by_dimension):
        return ", ".join(f"{price:g} at dimension {d}" for d, price in by_dimension if d != 2)
    terms = [f"{slope}·dimension"] if slope else []
    return " + ".join([*terms, *([f"{intercept}"] if intercept else [])])
