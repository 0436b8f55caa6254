"""`benchbed list`: list the registered problems, optimizers and more."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbed.catalog.records import KINDS
from benchbed.cli.options import load_plugins, loading_timeout_option, plugin_option

if TYPE_CHECKING:
    from benchbed.catalog.lookup import Catalog
    from benchbed.catalog.records import Entry, Kind
    from benchbed.interfaces import Problem


@click.command("list", short_help="List the available problems, optimizers and more.")
@click.argument("kind", required=False, metavar="[KIND]", type=click.Choice(KINDS))
@plugin_option
@loading_timeout_option
def list_command(kind: "Kind | None", plugin_files: tuple[Path, ...], timeout: float) -> None:
    """List the available problems, optimizers and more, with their parameters and the packages they come from.

    KIND is problems, optimizers, metrics, gradients, executors, reports, figures or suites.

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
            click.echo(f"  {name}  ({entry.distribution} {entry.version})".rstrip())
            for line in _details(catalog, entry):
                click.echo(f"      {line}")


def _details(catalog: "Catalog", entry: "Entry") -> Iterator[str]:
    if entry.summary:
        yield entry.summary
    if entry.kind == "optimizers":
        parameters = catalog.parameters(entry.name).values()
        defaults = [f"{parameter.name}={parameter.default!r}" for parameter in parameters]
        yield ", ".join(defaults) or "no parameters"
    if entry.kind == "gradients":
        gradient = catalog.gradient(entry.name)
        draws = "" if gradient.make_draws is None else "; draws in every step"
        yield f"price of a gradient in calls: {_format_price(gradient.price)}{draws}"
    if entry.kind == "problems":
        yield from _problem_details(catalog.problem(entry.name, {}))


def _problem_details(problem: "Problem") -> Iterator[str]:
    from benchbed.interfaces import Problem

    fields = dataclasses.fields(problem)  # type: ignore[arg-type]  # problems are dataclasses
    yield ", ".join(f"{field.name}={getattr(problem, field.name)!r}" for field in fields) or "no parameters"
    calls = problem.full_price
    price = "no price (synthetic noise)" if calls is None else f"{calls:g} calls"
    dimension = problem.layout.dimension
    yield f"dimension {dimension}, {problem.dtype}, budget {problem.budget} calls; a full gradient: {price}"
    targets = ", ".join(f"{target:.2g}" for target in problem.targets)
    yield f"targets {targets}; success at {problem.success_target:g}"
    optimum = "a lower bound" if problem.optimum_is_bound else "exact"
    if type(problem).optimum is Problem.optimum:
        optimum = "unknown, so no score"
    yield f"optimum {optimum}; scale: median of f₀ − f* over {problem.scale_instances} instances"


def _format_price(price: Callable[[int], float]) -> str:
    """Format a price that is linear in the dimension as a formula, and others by examples."""
    from fractions import Fraction

    slope = Fraction(price(2) - price(1)).limit_denominator(1000)
    intercept = (Fraction(price(1)) - slope).limit_denominator(1000)
    if any(abs(slope * d + intercept - price(d)) > 1e-9 * price(d) for d in (1, 2, 10, 1000)):
        return ", ".join(f"{price(d):g} at dimension {d}" for d in (1, 10, 1000))
    terms = [f"{slope}·dimension"] if slope else []
    return " + ".join([*terms, *([f"{intercept}"] if intercept else [])])
